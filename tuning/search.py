"""The search itself: ask the strategy, have trials trained, record the results, tell the strategy."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass, replace

import numpy as np

from suite.errors import SuiteError
from suite.notation import rounded
from suite.search_record import COMPLETED, FAILED, FINISHED, INFEASIBLE, OPEN, RUNNING, STOPPED, Ranking, Trial
from suite.training.checkpoint_file import check_same_settings
from tuning import trial_selection
from tuning.active_trial import ActiveTrial
from tuning.executors import WorkerLost
from tuning.journal import Journal
from tuning.plan import SearchPlan
from tuning.strategies import Proposal, Strategy
from tuning.task import PAUSED, Task, TaskResult
from tuning.trial_selection import DEFAULT_TRIAL

# An infeasible trial costs no training, so it does not count among the plan's trials; but infeasible ones are limited.
MAX_INFEASIBLE_PER_TRIAL = 10
MAX_INFEASIBLE_IN_A_ROW = 100
MAX_FAILURES_IN_A_ROW = 3
MAX_ATTEMPTS = 2
TICK_SECONDS = 0.2


@dataclass(frozen=True)
class SearchCallbacks:
    """Functions that a search calls.

    `on_trial_begin` and `on_trial_end` for every trial, `on_trial_beaten` if another trial is better, `on_tick` a few
    times a second, and `on_ranking` for the ranking before all trials.
    """

    on_trial_begin: Callable[[Trial], None] = lambda trial: None
    on_trial_end: Callable[[Trial], None] = lambda trial: None
    on_trial_beaten: Callable[[Trial], None] = lambda trial: None
    on_tick: Callable[["Search"], None] = lambda search: None
    on_ranking: Callable[[Ranking], None] = lambda ranking: None


class Search:
    """Tries networks up to the plan's bounds; what the journal holds already is not tried again.

    The default network is trained to the end first, so that the winner can be compared with it. `started` is when the
    plan's time began, in seconds of `time.time` (None: now). `run_task` runs a task, on `executor`. `rank` ranks
    networks before any is tried, once in a search. `trials` holds all trials by number, `best` the best one so far.
    """

    def __init__(
        self,
        plan: SearchPlan,
        strategy: Strategy,
        journal: Journal,
        executor: Executor,
        run_task: Callable[[Task], TaskResult],
        callbacks: SearchCallbacks | None = None,
        started: float | None = None,
        rank: Callable[[], Ranking] | None = None,
    ) -> None:
        self.plan = plan
        self.ranking: Ranking | None = None
        self.trials: dict[int, Trial] = {}
        self.best: Trial | None = None
        self.active: dict[Future[TaskResult], ActiveTrial] = {}
        self._strategy, self._journal, self._executor, self._run_task = strategy, journal, executor, run_task
        self._callbacks = callbacks or SearchCallbacks()
        self._waiting: deque[ActiveTrial] = deque()
        self._paused: list[ActiveTrial] = []
        # The scores of the best trial's runs, by the epoch up to which they were trained.
        self._leaders: dict[int, list[float]] = {}
        self._failures_in_a_row = self._infeasible_in_a_row = self._infeasible = 0
        # How long first tasks took: about as long as the next one will take at least.
        self._first_seconds: list[float] = []
        self._seconds_before = 0.0
        self._started = time.time() if started is None else started
        self._rank = rank

    def run(self) -> list[Trial]:
        """All trials in order; SuiteError if none of them could be trained."""
        self._replay_journal()
        if self._rank and self.ranking is None:
            ranking = self._rank()
            self._journal.write("ranked", {"at": self.seconds, **ranking.to_json()})
            self._follow(ranking)
        while True:
            self._submit_tasks()
            if not self.active:
                break
            done, _ = wait(self.active, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                self._collect(future)
            self._callbacks.on_tick(self)
        for active in (*self._paused, *self._waiting):
            self._end_unfinished(active)
        ended = [self.trials[number] for number in sorted(self.trials) if self.trials[number].status != RUNNING]
        if self.best is None:
            reasons = [trial.reason for trial in ended if trial.reason]
            reason = reasons[-1] if reasons else "there was no time to train one"
            raise SuiteError(f"none of {len(ended)} trials could be trained: {reason}")
        return ended

    @property
    def seconds(self) -> float:
        """How long the search has taken, including the time before it was resumed."""
        return self._seconds_before + time.time() - self._started

    @property
    def began(self) -> float:
        """When the search would have begun, in seconds of `time.time`, had it never been stopped."""
        return self._started - self._seconds_before

    @property
    def deadline(self) -> float | None:
        """When the last epoch of a trial may begin, so that the best one can still be trained to its end."""
        if self.plan.seconds is None:
            return None
        contender = trial_selection.contender(self.plan.objectives, list(self.trials.values()))
        return self.began + self.plan.seconds - self.plan.reserved_seconds(self.best, contender)

    def _follow(self, ranking: Ranking) -> None:
        """Have what a ranking found tried first."""
        self.ranking = ranking
        self._callbacks.on_ranking(ranking)
        for candidate in ranking.candidates:
            self._strategy.start_with(candidate.hyperparameters)

    def _submit_tasks(self) -> None:
        """Give every idle worker a task."""
        while len(self.active) < self.plan.workers and not self._is_time_up():
            active = self._waiting.popleft() if self._waiting else self._ask()
            if active is None:
                return
            trial, proposal = active.trial, active.proposal
            # Costs and the time of an epoch are measured in the first training alone.
            is_first = not trial.scores
            max_epoch_seconds = self.plan.max_epoch_seconds(self.best) if is_first else None
            task = Task(
                trial.id, proposal.values, len(active.scores), active.target_epoch, is_first, self.deadline,
                max_epoch_seconds,
            )  # fmt: skip
            active.submitted = time.time()
            self.active[self._executor.submit(self._run_task, task)] = active

    def _is_time_up(self) -> bool:
        # One network is trained, at least for an epoch, however short the time is.
        return bool(self.trials) and self.deadline is not None and time.time() >= self.deadline

    def _has_time_for_trial(self) -> bool:
        """Whether a typical first task would end in time."""
        if self.deadline is None or not self._first_seconds:
            return True
        return time.time() + float(np.median(self._first_seconds)) < self.deadline

    def _is_full(self) -> bool:
        """Whether the plan allows no further trial."""
        limit = self.plan.trials
        if self._infeasible_in_a_row >= MAX_INFEASIBLE_IN_A_ROW:
            return True
        if limit is None:
            return False
        counted = len(self.trials) - self._infeasible
        is_complete = counted >= limit and not self._strategy.promotes_trials
        return is_complete or len(self.trials) >= limit * (1 + MAX_INFEASIBLE_PER_TRIAL)

    def _ask(self) -> ActiveTrial | None:
        proposal = None if self._is_full() or not self._has_time_for_trial() else self._strategy.ask()
        if proposal is None:
            return None
        self._journal.write("asked", {"trial": proposal.trial, "values": proposal.values, "at": self.seconds})
        return self._begin(proposal, self.seconds)

    def _begin(self, proposal: Proposal, at: float) -> ActiveTrial:
        trial = self.trials.get(proposal.trial)
        if trial is None:
            trial = Trial(proposal.trial, RUNNING, proposal.values, started=round(at, 2))
            self.trials[trial.id] = trial
        elif trial.stage == FINISHED:
            # The strategy wants a score after fewer epochs; the trial keeps the one that it has.
            return ActiveTrial(proposal, replace(trial, scores=dict(trial.scores)))
        self._callbacks.on_trial_begin(trial)
        return ActiveTrial(proposal, trial)

    def _collect(self, future: Future[TaskResult]) -> None:
        """Record a task's result and continue with its trial."""
        active = self.active.pop(future)
        try:
            result = future.result()
        except WorkerLost as error:
            active.attempts += 1
            if active.attempts < MAX_ATTEMPTS:
                self._waiting.appendleft(active)
                return
            result = TaskResult(FAILED, {}, 0, error.seconds, f"{error}, {MAX_ATTEMPTS} times")
        if result.status == PAUSED:
            self._pause(active, result)
            return
        if not active.trial.epochs:
            self._first_seconds.append(time.time() - active.submitted)
        self._journal.write("done", {"trial": active.trial.id, "at": self.seconds, **asdict(result)})
        self._advance(active, result)

    def _pause(self, active: ActiveTrial, result: TaskResult) -> None:
        """Keep a paused trial's scores, but not in the journal: a resumed search trains it further."""
        _note_speed(active, result)
        active.trial.seconds += result.seconds
        active.trial.epochs = result.epochs
        if result.scores:
            active.scores.append(result.scores[self.plan.objectives[0].name])
            active.trial.scores |= result.scores
        self._paused.append(active)

    def _advance(self, active: ActiveTrial, result: TaskResult) -> None:
        """Queue a trial's next training, or end the trial."""
        trial = active.trial
        _note_speed(active, result)
        trial.seconds = round(trial.seconds + result.seconds, 2)
        active.attempts = 0
        if result.status != COMPLETED:
            self._end(active, result.status, result.reason)
            return
        score, last = result.scores[self.plan.objectives[0].name], active.last_epoch
        at_rung = result.epochs == active.target_epoch < last
        trial.epochs = result.epochs
        trial.scores |= result.scores
        if at_rung and self._strategy.should_continue(active.proposal, trial.epochs, score):
            self._waiting.append(active)
            return
        active.scores.append(score)
        if at_rung:
            trial.stage = STOPPED
            self._end(active, COMPLETED, f"stopped after {trial.epochs} of {last} epochs: others were better there")
        elif len(active.scores) == self.plan.runs_per_trial:
            self._update_leader(active)
            # A training that ends before its last epoch does so because validation no longer improves.
            trial.stage = FINISHED if result.epochs < last or last == self.plan.epochs else OPEN
            self._end(active, COMPLETED, result.reason)
        elif self._is_far_behind(active):
            trial.stage = STOPPED
            count = f"{len(active.scores)} of {self.plan.runs_per_trial}"
            self._end(active, COMPLETED, f"stopped after {count} trainings: far behind the best")
        else:
            self._waiting.append(active)

    def _is_far_behind(self, active: ActiveTrial) -> bool:
        """Whether a trial is behind the best on the same runs by more than two standard deviations of its runs."""
        leader = self._leaders.get(active.last_epoch)
        if leader is None:
            return False
        sign, scores = self.plan.objectives[0].sign, active.scores
        gap = sign * (np.mean(leader[: len(scores)]) - np.mean(scores))
        return bool(gap > 2 * np.std(leader, ddof=1))

    def _update_leader(self, active: ActiveTrial) -> None:
        sign, leader = self.plan.objectives[0].sign, self._leaders.get(active.last_epoch)
        if leader is None or sign * np.mean(active.scores) > sign * np.mean(leader):
            self._leaders[active.last_epoch] = active.scores

    def _end(self, active: ActiveTrial, status: str, reason: str | None) -> None:
        trial = active.trial
        if status == COMPLETED:
            self._set_score(trial, active.scores)
            if self._should_finish(active):
                active.go_on_to(self.plan.epochs)
                self._waiting.appendleft(active)
                return
        active.ended = True
        # A promoted trial that cannot be trained further keeps the score that it had.
        trial.status, trial.reason = status if trial.score is None else COMPLETED, reason
        if trial.score is not None and status != COMPLETED:
            trial.stage = STOPPED
        told = active.told or trial.scores
        self._strategy.tell(active.proposal, COMPLETED if active.told else status, told)
        self._infeasible_in_a_row = self._infeasible_in_a_row + 1 if status == INFEASIBLE else 0
        self._infeasible += status == INFEASIBLE
        self._failures_in_a_row = self._failures_in_a_row + 1 if status == FAILED else 0
        if trial is self.trials[trial.id]:
            self._callbacks.on_trial_end(trial)
        if self.best is not trial:
            self._callbacks.on_trial_beaten(trial)
        if self._failures_in_a_row == MAX_FAILURES_IN_A_ROW and self.best is None:
            raise SuiteError(f"the search gave up after {MAX_FAILURES_IN_A_ROW} trials in a row failed: {reason}")

    def _should_finish(self, active: ActiveTrial) -> bool:
        """Whether this is the default network, and not yet trained to the end."""
        trial = active.trial
        is_default = trial.id == DEFAULT_TRIAL and trial is self.trials[trial.id]
        return is_default and trial.stage != FINISHED and active.full_length is None

    def _end_unfinished(self, active: ActiveTrial) -> None:
        """End a trial for which there is no more time; it counts if it has a score."""
        trial = active.trial
        if trial.status == RUNNING and trial.scores and not active.scores:
            active.scores.append(trial.scores[self.plan.objectives[0].name])
        if active.scores:
            trial.status, trial.reason = COMPLETED, f"the time was up after epoch {trial.epochs}"
            trial.stage = OPEN
            self._set_score(trial, active.scores)
            self._callbacks.on_trial_end(trial)

    def _set_score(self, trial: Trial, scores: list[float]) -> None:
        objective = self.plan.objectives[0]
        trial.score = rounded(float(np.mean(scores)))
        trial.deviation = rounded(float(np.std(scores, ddof=1))) if len(scores) > 1 else None
        trial.scores[objective.name] = trial.score
        rank = trial_selection.ranking(objective)
        if self.best is None or rank(trial) > rank(self.best):
            self.best = trial

    def _replay_journal(self) -> None:
        """Replay the journal's events; trials that had begun and not ended are the first to go on."""
        events = list(self._journal.events())
        if not events:
            self._journal.write("plan", self.plan.resume_identity)
            return
        check_same_settings("search", self.plan.resume_identity, events[0][1])
        begun: dict[int, ActiveTrial] = {}
        for kind, body in events[1:]:
            self._seconds_before = body.pop("at")
            if kind == "ranked":
                self._follow(Ranking.from_json(body))
            elif kind == "asked":
                begun[body["trial"]] = self._begin(self._strategy.replay(body["values"]), self._seconds_before)
            else:
                self._advance(begun[body.pop("trial")], TaskResult(**body))
        self._waiting = deque(active for active in begun.values() if not active.ended)


def _note_speed(active: ActiveTrial, result: TaskResult) -> None:
    """Note how long the last training took to begin, and then for an epoch."""
    trial = active.trial
    epochs = result.epochs if active.scores else result.epochs - trial.epochs
    if epochs > 0:
        trial.setup_seconds = result.setup_seconds
        trial.epoch_seconds = round((result.seconds - result.setup_seconds) / epochs, 3)
