"""The search itself: ask the strategy, have trials trained, write down what comes of it, tell the strategy."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass, field

import numpy as np

from suite.errors import SuiteError
from suite.training.checkpoint import check_same
from tuning.executors import Lost
from tuning.journal import Journal
from tuning.plan import Plan
from tuning.strategies import Proposal, Strategy
from tuning.trial import COMPLETED, FAILED, INFEASIBLE, PAUSED, RUNNING, Outcome, Task, Trial

# Networks that cannot be built cost no training: so many are passed over for each one that is to be tried.
PASSED_OVER = 10
MOST_INFEASIBLE = 100
MOST_FAILURES = 3
ATTEMPTS = 2
TICK = 0.2


@dataclass
class Running:
    """A trial on its way, and the scores of its parts so far; `attempts` are those of the next part that were lost."""

    proposal: Proposal
    trial: Trial
    scores: list[float] = field(default_factory=list)
    attempts: int = 0
    ended: bool = False

    @property
    def until(self) -> int:
        """The epoch up to which it is trained next: the first of several trainings stops at every rung."""
        if self.scores:
            return self.proposal.until
        return next((rung for rung in self.proposal.rungs if rung > self.trial.epochs), self.proposal.until)


@dataclass(frozen=True)
class Watcher:
    """Hears of what happens: `began` and `ended` of every trial, `outdone` where its training is of no more use, and
    `ticked` a few times a second."""

    began: Callable[[Trial], None] = lambda trial: None
    ended: Callable[[Trial], None] = lambda trial: None
    outdone: Callable[[Trial], None] = lambda trial: None
    ticked: Callable[["Search"], None] = lambda search: None


class Search:
    """Tries networks until the plan's bounds; what `journal` holds already is not tried again.

    `train` does a task, on `executor`. `trials` holds all trials by number, `best` the best one so far.
    """

    def __init__(
        self,
        plan: Plan,
        strategy: Strategy,
        journal: Journal,
        executor: Executor,
        train: Callable[[Task], Outcome],
        watcher: Watcher | None = None,
    ) -> None:
        self.plan = plan
        self.trials: dict[int, Trial] = {}
        self.best: Trial | None = None
        self.running: dict[Future[Outcome], Running] = {}
        self._strategy, self._journal, self._executor, self._train = strategy, journal, executor, train
        self._watcher = watcher or Watcher()
        self._waiting: deque[Running] = deque()
        self._paused: list[Running] = []
        # By the epoch up to which trials were trained, the scores of the parts of the best of them.
        self._leaders: dict[int, list[float]] = {}
        # Failures and infeasible trials in a row, and infeasible ones in all.
        self._failures = self._infeasible = self._passed_over = 0
        self._before = 0.0
        self._started = time.time()

    def run(self) -> list[Trial]:
        """All trials in order; SuiteError where none of them could be trained."""
        self._restore()
        self._started = time.time()
        while True:
            self._fill()
            if not self.running:
                break
            done, _ = wait(self.running, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future)
            self._watcher.ticked(self)
        for running in (*self._paused, *self._waiting):
            self._cut_short(running)
        found = [self.trials[number] for number in sorted(self.trials) if self.trials[number].status != RUNNING]
        if self.best is None:
            reasons = [trial.reason for trial in found if trial.reason]
            why = reasons[-1] if reasons else "there was no time to train one"
            raise SuiteError(f"none of {len(found)} trials could be trained: {why}")
        return found

    @property
    def seconds(self) -> float:
        """How long the search has taken, earlier runs of it included."""
        return self._before + time.time() - self._started

    @property
    def deadline(self) -> float | None:
        """When the last epoch of a trial may begin, so that there is time to train the best one to the end."""
        if self.plan.seconds is None:
            return None
        return self._started + self.plan.seconds - self.plan.to_finish(self.best)

    def _fill(self) -> None:
        """Begin trials until all workers have one."""
        while len(self.running) < self.plan.workers and not self._is_over():
            running = self._waiting.popleft() if self._waiting else self._ask()
            if running is None:
                return
            trial, proposal, part = running.trial, running.proposal, len(running.scores)
            # What an answer costs and how long an epoch takes is found out in the first training alone.
            first = not trial.scores
            epoch_seconds = self.plan.epoch_seconds(self.best) if first else None
            task = Task(trial.id, proposal.values, part, running.until, first, self.deadline, epoch_seconds)
            self.running[self._executor.submit(self._train, task)] = running

    def _is_over(self) -> bool:
        return self.deadline is not None and time.time() >= self.deadline

    def _ask(self) -> Running | None:
        most = self.plan.trials
        if self._infeasible >= MOST_INFEASIBLE:
            return None
        if most is not None:
            counted = len(self.trials) - self._passed_over
            if (counted >= most and not self._strategy.returns) or len(self.trials) >= most * (1 + PASSED_OVER):
                return None
        proposal = self._strategy.ask()
        if proposal is None:
            return None
        self._journal.write("asked", {"trial": proposal.trial, "values": proposal.values, "at": self.seconds})
        return self._begin(proposal, self.seconds)

    def _begin(self, proposal: Proposal, at: float) -> Running:
        trial = self.trials.get(proposal.trial)
        if trial is None:
            trial = Trial(proposal.trial, RUNNING, proposal.values, started=round(at, 2))
            self.trials[trial.id] = trial
        self._watcher.began(trial)
        return Running(proposal, trial)

    def _take(self, future: Future[Outcome]) -> None:
        """Write down how a task went, and go on from there."""
        running = self.running.pop(future)
        try:
            outcome = future.result()
        except Lost as error:
            running.attempts += 1
            if running.attempts < ATTEMPTS:
                self._waiting.appendleft(running)
                return
            outcome = Outcome(FAILED, {}, 0, error.seconds, f"{error}, {ATTEMPTS} times")
        if outcome.status == PAUSED:
            # What a search that goes on will train further is not written down.
            running.trial.seconds += outcome.seconds
            running.trial.epochs = outcome.epochs
            if outcome.scores:
                running.scores.append(outcome.scores[self.plan.objectives[0].name])
                running.trial.scores |= outcome.scores
            self._paused.append(running)
            return
        self._journal.write("done", {"trial": running.trial.id, "at": self.seconds, **asdict(outcome)})
        self._advance(running, outcome)

    def _advance(self, running: Running, outcome: Outcome) -> None:
        """Go on with a trial, or end it."""
        trial = running.trial
        trial.seconds = round(trial.seconds + outcome.seconds, 2)
        running.attempts = 0
        if outcome.status != COMPLETED:
            self._end(running, outcome.status, outcome.reason)
            return
        score, whole = outcome.scores[self.plan.objectives[0].name], running.proposal.until
        at_rung = outcome.epochs == running.until < whole
        trial.epochs = outcome.epochs
        trial.scores |= outcome.scores
        if at_rung and self._strategy.keeps(running.proposal, trial.epochs, score):
            self._waiting.append(running)
            return
        running.scores.append(score)
        if at_rung:
            self._end(running, COMPLETED, f"stopped after {trial.epochs} of {whole} epochs: others were better there")
        elif len(running.scores) == self.plan.parts:
            self._lead(running)
            self._end(running, COMPLETED, outcome.reason)
        elif self._is_hopeless(running):
            count = f"{len(running.scores)} of {self.plan.parts}"
            self._end(running, COMPLETED, f"stopped after {count} trainings: far behind the best")
        else:
            self._waiting.append(running)

    def _is_hopeless(self, running: Running) -> bool:
        """Whether a trial is behind the best on the same parts, by more than twice what the parts differ by there."""
        leader = self._leaders.get(running.proposal.until)
        if leader is None:
            return False
        sign, scores = self.plan.objectives[0].sign, running.scores
        behind = sign * (np.mean(leader[: len(scores)]) - np.mean(scores))
        return bool(behind > 2 * np.std(leader, ddof=1))

    def _lead(self, running: Running) -> None:
        sign, leader = self.plan.objectives[0].sign, self._leaders.get(running.proposal.until)
        if leader is None or sign * np.mean(running.scores) > sign * np.mean(leader):
            self._leaders[running.proposal.until] = running.scores

    def _end(self, running: Running, status: str, reason: str | None) -> None:
        trial = running.trial
        running.ended = True
        # What was trained before and cannot be trained on is worth what it was.
        trial.status, trial.reason = status if trial.score is None else COMPLETED, reason
        if status == COMPLETED:
            self._score(trial, running.scores)
        self._strategy.tell(running.proposal, status, trial.scores)
        self._infeasible = self._infeasible + 1 if status == INFEASIBLE else 0
        self._passed_over += status == INFEASIBLE
        self._failures = self._failures + 1 if status == FAILED else 0
        self._watcher.ended(trial)
        if self.best is not trial:
            self._watcher.outdone(trial)
        if self._failures == MOST_FAILURES and self.best is None:
            raise SuiteError(f"the search gave up after {MOST_FAILURES} trials in a row failed: {reason}")

    def _cut_short(self, running: Running) -> None:
        """Take a trial for which there is no more time as it is, if it has come to anything."""
        trial = running.trial
        if trial.status == RUNNING and trial.scores and not running.scores:
            running.scores.append(trial.scores[self.plan.objectives[0].name])
        if running.scores:
            trial.status, trial.reason = COMPLETED, f"the time was up after epoch {trial.epochs}"
            self._score(trial, running.scores)
            self._watcher.ended(trial)

    def _score(self, trial: Trial, scores: list[float]) -> None:
        objective = self.plan.objectives[0]
        trial.score = round(float(np.mean(scores)), 6)
        trial.deviation = round(float(np.std(scores, ddof=1)), 6) if len(scores) > 1 else None
        trial.scores[objective.name] = trial.score
        if self.best is None or self.best.score is None or objective.sign * (trial.score - self.best.score) > 0:
            self.best = trial

    def _restore(self) -> None:
        """Go through what the journal holds as if it happened now; what had begun goes on first."""
        events = list(self._journal.events())
        if not events:
            self._journal.write("plan", self.plan.fixed)
            return
        check_same("search", self.plan.fixed, events[0][1])
        begun: dict[int, Running] = {}
        for kind, body in events[1:]:
            self._before = body.pop("at")
            if kind == "asked":
                begun[body["trial"]] = self._begin(self._strategy.recall(body["values"]), self._before)
            else:
                self._advance(begun[body.pop("trial")], Outcome(**body))
        self._waiting = deque(running for running in begun.values() if not running.ended)
