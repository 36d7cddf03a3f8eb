"""What one run's rows say, in sentences. Every number and every verb is computed; nothing here knows what to expect."""

from __future__ import annotations

from analysis.choice import is_hard
from analysis.depth_bound import is_bound
from analysis.figures.theme import number, percent, safe, word
from analysis.goal_words import goal_words
from analysis.one_run import OneRun
from analysis.run_figures import staircase
from lal.events import Time

GAP = 0.02  # accuracies closer than this are called alike
MOST_STEPS = 5  # that a sentence names
LITTLE = 0.1  # of test accuracy, under which there is nothing to explain; nor is there under twice chance


def findings(run: OneRun) -> list[str]:
    """Sentences, the most important first; plain text whose names are escaped for HTML. Always at least one."""
    told = [
        ended(run),
        memorised(run),
        *generalised(run),
        *staircase.findings(run),
        symmetry(run),
        *depth(run),
        *routing(run),
        *frequencies(run),
        *clipped(run),
        *caveats(run),
    ]
    return [each for each in told if each]


def between(time: Time) -> str:
    """When an event was seen, and since when it may have been."""
    return f"step {time.by:,}" if time.after is None else f"step {time.by:,} (between {time.after:,} and {time.by:,})"


def ended(run: OneRun) -> str:
    """How it ended, or how far it is, and where the goal stands."""
    limits, last = run.thresholds, run.last(run.goal.column)
    step = int(run.rows["step"].iloc[-1])
    how = safe(run.record.reason) if run.record else f"not finished: what is shown ends at step {step:,}"
    stands = f"{word(run.goal.column)} {number(float(last))} at step {step:,}" if last is not None else ""
    phase = f"; its phase is {safe(run.verdict.phase)} at threshold {limits.goal:g}" if run.fit else ""
    return f"Ended with {stands} ({how}){phase}." if stands else f"{how}."


def memorised(run: OneRun) -> str | None:
    """When the training set was fitted."""
    if run.fit is None:
        return None
    what, time = f"{word(run.fit.column)} {run.thresholds.fit:g}", run.verdict.t_mem
    return f"Memorised ({what} or better) at {between(time)}." if time else f"It never memorised: {what} was not reached."


def generalised(run: OneRun) -> list[str]:
    """When it generalised, how long after memorising, and whether that lasted."""
    limits, found = run.thresholds, run.verdict
    what = f"{word(limits.goal_column)} {limits.goal:g} or {'better' if limits.direction == 'max' else 'less'} at {limits.window} evaluations in a row"
    words = goal_words(run.fit)
    if found.t_grok is None:
        return [f"It did not {words.base} ({what}) up to step {found.horizon:,}."]
    told = [f"{words.past.capitalize()} ({what}) at {between(found.t_grok)}."]
    if found.t_mem is not None:
        delay = found.t_grok.by - found.t_mem.by
        ratio = f", {found.t_grok.by / found.t_mem.by:.1f} times as late" if found.t_mem.by > 0 and delay > 0 else ""
        told.append(f"The delay after memorising is {delay:,} steps{ratio}." if delay > 0 else "It generalised no later than it memorised.")
    if found.stability is not None and found.stability < 1:
        told.append(f"The goal was kept at {percent(found.stability)} of later evaluations{'; it had fallen back by the end' if found.ungrokked else ''}.")
    return told


def clipped(run: OneRun) -> list[str]:
    """How often a pressure on a reinforcement learner was held at its largest; nothing where it never was."""
    times = run.last("pressure_clipped")
    return [f"β was clipped {int(times):,} times, as it would have been more than pressure.most."] if times else []


def symmetry(run: OneRun) -> str | None:
    """Whether test accuracy is more than the symmetry of the operation."""
    clean, test = run.last("mirror_clean_acc"), run.last("test_acc")
    if clean is None or test is None or test < little(run):
        return None
    verb = "so symmetry alone does not explain it" if clean >= test - GAP else "so part of test accuracy is symmetry alone"
    return f"On test pairs whose mirror image was not trained on, accuracy is {number(float(clean))} (all test pairs: {number(float(test))}), {verb}."


def depth(run: OneRun) -> list[str]:
    """How many layers are open, and how many are needed."""
    gates = run.last("effective_depth")
    if gates is None:
        return []
    layers = len(run.last("gate_values")) if run.has("gate_values") else None
    told = [f"The sum of gates ends at {number(float(gates))}{f' of {layers}' if layers else ''}{needed(run)}."]
    spread = run.last("effective_depth_sd")
    if spread is not None:
        told.append(f"Over inputs, the sum of gates has a standard deviation of {number(float(spread))} layers at the end.")
    present = run.last("layers_present")
    if present is not None:
        told.append(grown(run, int(present)))
    return told


def little(run: OneRun) -> float:
    """The test accuracy under which there is nothing to explain: twice chance, where that is more than LITTLE."""
    return max(LITTLE, 2 / run.config["task"]["p"]) if run.config.get("task", {}).get("p") else LITTLE


def grown(run: OneRun, present: int) -> str:
    """To how many layers a growing network came, from how many."""
    first = int(run.rows["layers_present"].dropna().iloc[0])
    many = f"{present} {'layer' if present == 1 else 'layers'}"
    return f"It grew from {first} to {many}." if present > first else f"It did not grow: it has {many}, as at the beginning."


def needed(run: OneRun) -> str:
    """How many layers are needed, as it was last measured; nothing is said of a network that answers little right, which needs none for that."""
    row = run.last_row("functional_depth", "test_acc")
    if row is None or row["test_acc"] < little(run):
        return ""
    count = int(row["functional_depth"])
    bound = "at most " if is_bound(row.to_frame().T) else ""
    return f"; {bound}{count} {'layer is' if count == 1 else 'layers are'} needed"


def routing(run: OneRun) -> list[str]:
    """How decisive routing is, and whether the heaviest head alone is enough."""
    entropy = run.last("routing_entropy_norm")
    if entropy is None:
        return []
    both, heads, by_operation = run.last_row("hard_acc", "test_acc"), run.last("effective_heads"), run.last("operation_specialisation")
    shared = "Which head is chosen tells {} nats of which operation is asked for (0: nothing)."
    apart = [shared.format(number(float(by_operation)))] if by_operation is not None else []
    if is_hard(run.config):
        return [f"The choice of heads is hard: each input takes one in each layer, over {number(float(heads))} effective heads at the end.", *apart]
    told = f"Routing ends with entropy {number(float(entropy))} of 1 (0: each input takes one head), over {number(float(heads))} effective heads"
    if both is not None:
        accuracies = f"{number(float(both['hard_acc']))} instead of {number(float(both['test_acc']))}"
        told += f"; with the heaviest head alone, test accuracy is {accuracies} (step {int(both['step']):,})"
    return [f"{told}.", *apart]


def frequencies(run: OneRun) -> list[str]:
    """What the spectra say."""
    told = []
    keys, diagonal = run.last("key_frequencies"), run.last("diagonal_energy")
    if keys is not None and len(keys):
        told.append(f"Key frequencies at the end: {', '.join(str(int(each)) for each in sorted(keys))}.")
    if diagonal is not None:
        told.append(f"{percent(float(diagonal))} of the centred logits' energy depends on the answer alone.")
    return told


def caveats(run: OneRun) -> list[str]:
    """What is not as it should be: later requests not done, damaged files, failures."""
    asked = run.config_now.get("budget", {}).get("steps")
    told = []
    if run.record and asked and asked > run.config["budget"]["steps"]:
        told.append(f"It was asked to go on to step {asked:,} and has not finished that: shown is its last finished state.")
    if run.failure:
        told.append(f"Its last attempt failed at step {run.failure.step:,}: {safe(run.failure.reason)}.")
    if damaged := run.snapshots.damaged:
        where = ", ".join([*(f"{step:,}" for step in damaged[:MOST_STEPS]), *(["…"] if len(damaged) > MOST_STEPS else [])])
        told.append(f"Of {len(run.snapshots.steps)} snapshots {len(damaged)} cannot be read (step {where}); figures leave them out.")
    if run.unread:
        told.append(f"Later measurements of {safe(', '.join(run.unread))} cannot be read; <code>lal measure</code> writes them anew.")
    return told
