"""Numbers as text for people."""


def short(value: float) -> str:
    """Return a number with four significant digits, whole from 1,000 on.

    Examples
    --------
    >>> short(34383.2), short(0.064111), short(-1e12), short(2e-7)
    ('34,383', '0.06411', '-1e+12', '2e-07')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def signed(value: float) -> str:
    """Return a number with its sign."""
    return short(value) if value < 0 else f"+{short(value)}"


def percent(share: float) -> str:
    """Return a share in percent, with one decimal.

    Examples
    --------
    >>> percent(0.9331)
    '93.3 %'
    """
    return f"{100 * share:.1f} %"
