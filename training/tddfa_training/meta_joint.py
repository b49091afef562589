"""
Meta-joint optimisation (Guo et al., ECCV 2020): every round looks ahead with each loss, from the same state and on the same
batches and keeps the branch that does better on a held-out meta-test batch. Early rounds pick fWPDC, late ones VDC.
"""
import copy


def choose_by_meta_test(network, optimizer, losses, step, batches, meta_test):
    """
    Trains one branch per loss and leaves network and optimizer in the state of the best one.
    @param losses names, passed on to `step`.
    @param step function (name, batch) -> loss value: one optimisation step on the live network.
    @param batches training batches of the look-ahead, the same for each branch.
    @param meta_test function () -> the meta-test error of the live network.
    @returns the chosen name and the loss values of its steps.
    """
    start = copy.deepcopy(network.state_dict()), copy.deepcopy(optimizer.state_dict())
    best = None
    for name in losses:
        network.load_state_dict(start[0])
        optimizer.load_state_dict(copy.deepcopy(start[1]))
        values = [step(name, batch) for batch in batches]
        error = meta_test()
        if best is None or error < best[0]:
            best = error, name, values, copy.deepcopy(network.state_dict()), copy.deepcopy(optimizer.state_dict())
    network.load_state_dict(best[3])
    optimizer.load_state_dict(best[4])
    return best[1], best[2]
