"""The steps of a training, and where the threads of the team meet."""

from nnlite.engine.language import (
    ABORT,
    ARRIVED,
    CROWDED,
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
MOST_CROWDED = 6  # how often that number is halved at most
STEP, M, FIRST = NOW.index("step"), NOW.index("M"), NOW.index("first")


@inline
def wait_for_all(shared: int, n_threads: int) -> None:
    """Wait until all threads of the team are here: the last one to arrive begins a new generation.

    A thread that waits in vain lets others run. Where that happens often, too many threads share the cores, and the
    next waiting is shorter (CROWDED). ABORT ends the waiting, if some threads of the team could not start.
    """
    if n_threads == 1:
        return
    generation = load(shared + 8 * GENERATION)
    if add(shared + 8 * ARRIVED, 1) == n_threads - 1:
        store(shared + 8 * ARRIVED, 0)
        store(shared + 8 * GENERATION, generation + 1)
    else:
        crowded = load(shared + 8 * CROWDED)
        spins = SPINS >> crowded
        rounds = 0
        while load(shared + 8 * GENERATION) == generation:
            rounds += 1
            if rounds < spins:
                pause()
            else:
                give_way()
                if load(shared + 8 * ABORT) != 0:
                    return
        if rounds >= spins:
            store(shared + 8 * CROWDED, min(crowded + 1, MOST_CROWDED))
        elif crowded > 0:
            store(shared + 8 * CROWDED, crowded - 1)


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

    If somebody raises the flag STOP, the next step is the last one. It ends at once if a number is not finite (WRONG).
    """
    flags = flush_denormals()
    words = integers(now, NOW_WORDS)
    final = False
    for step in range(n_steps):
        final = final or step == n_steps - 1
        words[STEP] = step
        words[FIRST] = step * batch_size
        words[M] = min(batch_size, n_examples - step * batch_size)
        op, n = (last_ops, n_last_ops) if final else (ops, n_ops)
        for i in range(n):
            run(op + 8 * WORDS * i, now, 0, 0, 0)
        parity = 8 * (step % 2)
        if thread == 0:
            store(shared + 8 * STOPPING + parity, load(shared + 8 * STOP))
            store(shared + 8 * DONE, step + 1)
        wait_for_all(shared, n_threads)
        if final or load(shared + 8 * WRONG + parity) + load(shared + 8 * ABORT) != 0:
            break
        final = load(shared + 8 * STOPPING + parity) != 0
    restore_flags(flags)
