"""Compute the coefficients in nnlite/special.py; run by hand, needs mpmath.

F(x) = (1 + 2x) e^{x^2} erfc(x) is smooth on [0, infinity). In t = (x - K) / (x + K), which is in [-1, 1), its
Chebyshev series converges fast; it is cut off below the precision of the float and written in powers of t.
"""

K = 3.75
N = 120  # points of the discrete cosine transform: its aliasing is far below 1e-20


def F(x):
    if x < 60:
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)
    series = sum((-1) ** n * mp.fac2(2 * n - 1) / (2 * x * x) ** n for n in range(12))
    return (1 + 2 * x) / (x * mp.sqrt(mp.pi)) * series


def chebyshev_coefficients():
    angles = [mp.pi * (k + mp.mpf(1) / 2) / N for k in range(N)]
    values = [F(K * (1 + mp.cos(angle)) / (1 - mp.cos(angle))) for angle in angles]
    c = [2 * sum(v * mp.cos(j * a) for v, a in zip(values, angles, strict=True)) / N for j in range(N)]
    c[0] /= 2
    return c


def powers(c):
    """Coefficients of t^0, t^1, ... of sum_j c_j T_j(t)."""
    before, now = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    total = [c[0]] + [mp.mpf(0)] * (len(c) - 1)
    for c_j in c[1:]:
        for i, T_i in enumerate(now):
            total[i] += c_j * T_i
        twice = [mp.mpf(0)] + [2 * T_i for T_i in now]
        before, now = now, [T_i - (before[i] if i < len(before) else 0) for i, T_i in enumerate(twice)]
    return total


if __name__ == "__main__":
    import mpmath as mp

    mp.mp.dps = 60
    c = chebyshev_coefficients()
    for name, precision in (("float32", 1e-8), ("float64", 2e-17)):
        n = max(j for j, c_j in enumerate(c) if abs(c_j) > precision) + 1
        print(f"{name}: {n} terms; the next Chebyshev coefficient is {mp.nstr(c[n], 2)}")
        print(",\n".join(mp.nstr(p, 18) for p in reversed(powers(c[:n]))))
