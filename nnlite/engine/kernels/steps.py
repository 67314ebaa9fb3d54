"""The steps of a training, and where the threads of the team meet."""

from nnlite.engine.language import (
    ARRIVED,
    DONE,
    GENERATION,
    NOW,
    NOW_WORDS,
    STOP,
    STOPPING,
    WORDS,
    WRONG,
    Integer,
    add,
    flush_denormals,
    give_way,
    inline,
    integers,
    kernel,
    load,
    pause,
    restore_flags,
    run,
    store,
)

SPINS = 4000  # rounds of waiting before a thread lets others run
STEP, M, FIRST = NOW.index("step"), NOW.index("M"), NOW.index("first")


@inline
def wait_for_all(shared: int, n_threads: int) -> None:
    """Wait until all threads of the team are here: the last one to arrive begins a new generation."""
    if n_threads == 1:
        return
    generation = load(shared + 8 * GENERATION)
    if add(shared + 8 * ARRIVED, 1) == n_threads - 1:
        store(shared + 8 * ARRIVED, 0)
        store(shared + 8 * GENERATION, generation + 1)
    else:
        rounds = 0
        while load(shared + 8 * GENERATION) == generation:
            rounds += 1
            if rounds < SPINS:
                pause()
            else:
                give_way()


@kernel
def meet(shared: int, n_threads: int) -> None:
    """Wait until all threads of the team are here."""
    wait_for_all(shared, n_threads)


@kernel
def train(
    ops: Integer,
    n_ops: Integer,
    last_ops: Integer,
    n_last_ops: Integer,
    n_steps: Integer,
    batch_size: Integer,
    n_examples: Integer,
    now: int,
    shared: int,
    thread: int,
    n_threads: int,
) -> None:
    """Carry out the instructions of a step for one batch after another; ``last_ops`` are those of the last step.

    It ends early if somebody raises the flag STOP, or if a number is not finite (WRONG).
    """
    flags = flush_denormals()
    words = integers(now, NOW_WORDS)
    for step in range(n_steps):
        words[STEP] = step
        words[FIRST] = step * batch_size
        words[M] = min(batch_size, n_examples - step * batch_size)
        op, n = (ops, n_ops) if step < n_steps - 1 else (last_ops, n_last_ops)
        for i in range(n):
            run(op + 8 * WORDS * i, now, 0, 0, 0)
        parity = 8 * (step % 2)
        if thread == 0:
            store(shared + 8 * STOPPING + parity, load(shared + 8 * STOP))
            store(shared + 8 * DONE, step + 1)
        wait_for_all(shared, n_threads)
        if load(shared + 8 * STOPPING + parity) + load(shared + 8 * WRONG + parity) != 0:
            break
    restore_flags(flags)
