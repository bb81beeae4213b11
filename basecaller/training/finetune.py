"""`basecaller train --from`: tune a model to a user's own reads, from raw files and a reference to a model folder.

Calls the reads, maps the calls, labels the signal, holds out whole loci of the reference, trains on the rest, fits the
Q scores, and judges the model before and after on the held-out reads. All of it happens in a folder beside the final
one, which is renamed when it is complete; a run that was stopped goes on from what lies there.
"""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from basecaller.calling import Basecaller
from basecaller.errors import BasecallerError, UsageError
from basecaller.evaluation.alignment import Mapper
from basecaller.evaluation.calibrate import calibrate, observe, write_fit
from basecaller.evaluation.calibration_folder import summary, write_folder
from basecaller.evaluation.folder import evaluate_to_folder, write
from basecaller.evaluation.raw_calls import raw_calls
from basecaller.labels.dataset import LabelFile
from basecaller.labels.labelling import by_alignment, label_reads
from basecaller.labels.truth import Truth, truth_from_calls
from basecaller.model.config import ModelConfig
from basecaller.model.store import Model, load_model, save_model
from basecaller.output import OutputHeader, open_writer, record_name
from basecaller.reads.quarantine import Quarantine
from basecaller.reads.read import Read
from basecaller.reads.source import open_reads
from basecaller.training.augment import Augmentation, Augmented
from basecaller.training.blend import Pore, Shares, blend
from basecaller.training.settings import TrainSettings
from basecaller.training.split import Placed, Split, split
from basecaller.training.train import Progress, train

DETAILS = "finetuning"
"""Folder in the new model's with everything that led to it, as ..."""
TRAINING, DRAWN = "training", "drawn.h5"
LEAST_STEPS, MOST_STEPS = 200, 20_000
HELD_OUT_CHUNKS = 128
SHORTEST_CHUNK = 1200


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How to fine-tune."""

    passes: float = 20.0
    """Samples trained on, of all kinds, over the samples of the labelled signal."""
    shares: Shares = field(default_factory=Shares)
    held_out: float = 0.2
    """Part of the aligned bases that judges the training."""
    min_identity: float = 0.75
    """Calls below this are not used."""
    training: TrainSettings = field(
        default_factory=lambda: TrainSettings(learning_rate=5e-4, warmup=100, average=0.99)
    )
    """Its `steps` are set from `passes`; its chunks are shorter where the reads are."""
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(noise=0.1))
    """Little noise: simulated signal is various in it by itself."""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What came of it; the summaries are those of `basecaller evaluate` on the held-out reads."""

    before: dict[str, int | float]
    after: dict[str, int | float]
    calibration_error: float | None
    """Expected calibration error in Q; None where the held-out reads were too few for a fit."""
    set_aside: int
    """Files and reads that could not be used; named in `quarantine.tsv` among the details."""


def fine_tune(
    model: str | Path,
    reads: Sequence[Path],
    reference: Path,
    folder: Path,
    pore: Pore,
    settings: FineTuneSettings,
    *,
    calls: Path | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> FineTuned:
    """Make a new model folder from `model`, files or folders of signal, and the genome that was sequenced.

    `pore` is that of the model. `calls` are calls of the same reads to map them by, in place of the model's own. `say`
    gets a line per step.
    Raises `UsageError` when `folder` exists, or when the reads that map are too few to train and to judge by.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already; name a new folder for the new model")
    work = folder.with_name(folder.name + ".partial")
    details = work / DETAILS
    details.mkdir(parents=True, exist_ok=True)
    _same_run(details / "settings.json", model, reads, reference, settings)
    source = load_model(model)
    quarantine = Quarantine()

    def signal(names: Collection[str] | None = None) -> Iterator[Read]:
        return _only(open_reads(reads, quarantine=quarantine), names)

    own_calls = details / "calls.fastq.gz"
    if calls is None and not own_calls.exists():
        say(f"calling the reads with {source.name}")
        _call(source, signal(), own_calls, device, quarantine)
    truth = truth_from_calls(calls or own_calls, reference, settings.min_identity)
    parts = split((_placed(name, known) for name, known in truth.items()), fraction=settings.held_out,
                  seed=settings.training.seed)
    _write_split(parts, details / "split.tsv")
    held_out = {read.read_id for read in parts.held_out}
    say(f"{len(truth)} reads map: {len(parts.train)} to train on, {len(held_out)} to judge by, {len(parts.apart)} "
        "over the edges of held-out loci")

    labels = details / "labels.h5"
    if not labels.exists():
        say("aligning the signal to the reference")
        count = label_reads(open_reads(reads, quarantine=quarantine), by_alignment(truth, pore.levels, pore.settle),
                            source.config.signal, labels)
        say(f"{count.reads} reads labelled, {count.bases} bases, {count.samples} samples")
    config = replace(source.config, name=folder.name, description=f"{source.name}, fine-tuned")
    _train(source, config, labels, parts, details, pore, settings, device, say)
    trained = load_model(details / TRAINING)

    say("fitting the Q scores")
    save_model(work, trained.network, config)
    error = _calibrate(trained, signal(held_out), reference, work, device, say)
    say("judging the held-out reads before and after")
    summaries = []
    for stage, caller in (("before", source), ("after", load_model(work))):
        judged = details / f"held_out_{stage}.fastq.gz"
        _call(caller, signal(held_out), judged, device, quarantine)
        summaries.append(evaluate_to_folder(judged, reference, details / stage).summary())
    found = FineTuned(summaries[0], summaries[1], error, len(quarantine))
    quarantine.write(details / "quarantine.tsv")
    write(work / "card.md", _card(source.name, folder.name, reference, parts, found))
    work.rename(folder)
    return found


def _same_run(
    path: Path, model: str | Path, reads: Sequence[Path], reference: Path, settings: FineTuneSettings
) -> None:
    """Go on only with what was begun: `UsageError` where a stopped run had other inputs or settings."""
    now = json.dumps({"model": str(model), "reads": [str(read) for read in reads], "reference": str(reference),
                      **asdict(settings)}, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") != now:
        raise UsageError(f"{path.parent.parent} holds a run with other inputs or settings; remove it to begin anew")
    write(path, now)


def _only(reads: Iterable[Read], names: Collection[str] | None) -> Iterator[Read]:
    return (read for read in reads if names is None or record_name(read.read_id) in names)


def _placed(name: str, truth: Truth) -> Placed:
    return Placed(name, truth.origin.contig, truth.origin.start, truth.origin.end)


def _call(model: Model, reads: Iterator[Read], path: Path, device: str, quarantine: Quarantine) -> None:
    caller = Basecaller(model, device=device)
    with open_writer(path, header=OutputHeader()) as writer:
        for call in caller.call(reads):
            writer.write(call)
    for entry in caller.quarantine.entries:
        quarantine.add(entry.path, entry.read_id or None, entry.reason)


def _train(
    source: Model, config: ModelConfig, labels: Path, parts: Split, details: Path, pore: Pore,
    settings: FineTuneSettings, device: str, say: Callable[[str], None],
) -> None:
    """Train into a folder of the details; goes on from a checkpoint there."""
    training = LabelFile(labels)
    held_out = copy.copy(training)
    training.use = np.isin(training.table.read_id, [read.read_id for read in parts.train])
    held_out.use = np.isin(held_out.table.read_id, [read.read_id for read in parts.held_out])
    plan = _fitting(settings.training, training)
    chunks = held_out.draw(np.random.default_rng(plan.seed), HELD_OUT_CHUNKS, plan.samples)
    labelled = int(training.table.samples[training.use].sum())
    wanted = round(settings.passes * labelled / (plan.batch_size * plan.samples))
    steps = min(max(wanted, LEAST_STEPS), MOST_STEPS)
    data = blend(training, pore, settings.shares, config.signal.scaling, steps * plan.batch_size * plan.samples,
                 details / DRAWN, plan.seed, say)
    say(f"training: {steps} steps on {labelled} samples")
    plan = replace(plan, steps=steps, validate_every=max(1, steps // 10))

    def report(row: Progress) -> None:
        say(f"step {row.step} of {steps}: loss {row.held_out_loss:.3f}, identity {row.held_out_identity:.4f} "
            "on held-out chunks")

    train(config, copy.deepcopy(source.network), Augmented(data, settings.augmentation), chunks, details / TRAINING,
          plan, resume=True, device=_device(device), report=report)


def _fitting(settings: TrainSettings, file: LabelFile) -> TrainSettings:
    """Shorter chunks, and as many more of them, where they would leave out half of the labelled signal."""
    stretches = file.table.samples[file.use]
    while settings.samples >= 2 * SHORTEST_CHUNK:
        if 2 * stretches[stretches > 1.5 * settings.samples].sum() >= stretches.sum():
            break
        settings = replace(settings, samples=settings.samples // 2, batch_size=settings.batch_size * 2)
    return settings


def _calibrate(
    model: Model, reads: Iterator[Read], reference: Path, folder: Path, device: str, say: Callable[[str], None]
) -> float | None:
    """Fit the Q scores on held-out reads and write the fit; keeps the old one where they are too few."""
    made_with, calls = raw_calls(model, reads, device=device)
    try:
        observed = observe(calls, Mapper(reference))
        calibration = calibrate(observed, made_with)
    except BasecallerError as error:
        say(f"the fit of the Q scores is left as it was: {error}")
        return None
    found = summary(observed, calibration, write_fit(folder, calibration.curve))
    write_folder(folder / DETAILS / "calibration", model.name, observed, calibration, found)
    return calibration.error


def _device(device: str) -> str:
    """The one device to train on."""
    from basecaller.device import find_devices

    return str(find_devices(device)[0])


def _write_split(parts: Split, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(("read_id", "contig", "start", "end", "part"))
        for name, reads in (("train", parts.train), ("held_out", parts.held_out), ("apart", parts.apart)):
            table.writerows((read.read_id, read.contig, read.start, read.end, name) for read in reads)


def _card(source: str, name: str, reference: Path, parts: Split, found: FineTuned) -> str:
    """The model's card: data, recipe, and accuracy on the held-out reads before and after."""
    loci = ", ".join(f"{locus.contig}:{locus.start}-{locus.end}" for locus in parts.loci[:10])
    rows = [
        f"| {key.replace('_', ' ')} | {found.before.get(key, 'unknown')} | {found.after.get(key, 'unknown')} |"
        for key in ("reads", "mapped", "median_identity", "mean_identity", "mismatch", "insertion", "deletion",
                    "calibration_error")
    ]
    return "\n".join([
        f"# {name}", "",
        f"`{source}`, fine-tuned with `basecaller train --from` on {len(parts.train)} reads of `{reference.name}`.",
        f"{len(parts.held_out)} reads of held-out loci judge it ({loci}{', ...' if len(parts.loci) > 10 else ''}); the "
        "Q scores are fitted on the same reads.", "",
        f"| held-out reads | {source} | {name} |", "|---|---|---|", *rows, "",
        f"Details are in `{DETAILS}/`.", "",
    ])
