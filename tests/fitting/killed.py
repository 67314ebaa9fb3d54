"""A training for test_kill.py to kill: ``python killed.py DIRECTORY`` goes on where it was and writes the end.

Every layer and callback that keeps something is in it; how long it takes is so chosen that it is killed a few times.
"""

import json
import sys

import numpy as np

import nnlite as nn

EPOCHS = 12


def main(directory):
    digits = nn.load_digits()
    model = nn.Model(
        [nn.Dense(48), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Dense(10), nn.Softmax()],
        seed=1,
    )
    history = model.fit(
        digits.X_train,
        digits.y_train,
        optimizer=nn.Adam(nn.CosineDecay(0.003, 45 * EPOCHS)),
        epochs=EPOCHS,
        validation_split=0.1,
        metrics=["f1"],
        callbacks=[
            nn.EarlyStopping(patience=EPOCHS, restore_best_weights=False),
            nn.EMA(0.98),
            nn.CSVLogger(f"{directory}/log.csv"),
        ],
        checkpoint=nn.Checkpoint(f"{directory}/checkpoints", every=7),
        resume=True,
        progress=False,
    )
    del history["seconds"]
    np.save(f"{directory}/theta.npy", model.theta)
    with open(f"{directory}/history.json", "w", encoding="utf-8") as file:
        json.dump([history, model.evaluate(digits.X_test, digits.y_test)], file)


if __name__ == "__main__":
    main(sys.argv[1])
