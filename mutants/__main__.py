"""`python -m mutants`: test a sample of mutants, or those of one module, and print the survivors.

Interrupted, it goes on where it stopped. A mutant counts as killed if a test fails or the tests take too long.
"""

import argparse
import difflib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from mutants import concerns
from mutants.candidates import Mutant, sample
from mutants.results import Result, Results, digest, table
from mutants.workers import PROJECT, Worker

HOME = PROJECT / ".mutants"
LONGEST_TESTS = 300
"""Seconds in which the tests of a module have to pass without a mutant."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line *arguments*; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--module", action="append", help="such as chalicelib/hashtags.py; default: every module")
    parser.add_argument("--sample", type=int, default=400, help="number of mutants; default 400")
    parser.add_argument("--all", action="store_true", help="every mutant in place of a sample")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws another sample; default 1")
    parser.add_argument("--workers", type=int, default=2, help="tests that run at the same time; default 2")
    options = parser.parse_args(arguments)
    modules = options.module or concerns.modules()
    sources = {module: PROJECT.joinpath(module).read_text(encoding="utf-8") for module in modules}
    HOME.mkdir(exist_ok=True)
    run = Run(sources, Results(HOME / "results.jsonl"), options.workers)
    finished = run.test(sample(sources, None if options.all else options.sample, options.seed))
    for result in sorted(finished, key=lambda result: result.mutant):
        if not result.killed:
            print(f"\nSURVIVED {result.mutant}\n{result.change}")
    print(f"\n{table(finished)}")
    return 0


class Run:
    """A run over the modules in *sources*; what *results* has already is not tested again."""

    def __init__(self, sources: dict[str, str], results: Results, workers: int) -> None:
        self._sources, self._results, self._workers = sources, results, workers
        self._limits: dict[str, float] = {}
        self._digests = {module: self._tests_digest(module) for module in sources}

    def _tests_digest(self, module: str) -> str:
        return digest(*(PROJECT.joinpath(file).read_text(encoding="utf-8") for file in concerns.tests(module)))

    def test(self, mutants: list[Mutant]) -> list[Result]:
        """Return the results of *mutants*, printing each as it comes."""
        known = [self._known(mutant) for mutant in mutants]
        finished = [result for result in known if result]
        new = [mutant for mutant, result in zip(mutants, known, strict=True) if not result]
        print(f"{len(mutants)} mutants, {len(finished)} of them tested before.", flush=True)
        workers: SimpleQueue[Worker] = SimpleQueue()
        for number in range(self._workers if new else 0):
            workers.put(Worker(HOME / f"worker-{number}"))
        self._limits = self._baselines({mutant.module for mutant in new}, workers)
        begun = time.monotonic()
        for result in self._tested(new, workers):
            self._results.add(result)
            finished.append(result)
            self._progress(result, len(mutants), finished, begun)
        return finished

    def _known(self, mutant: Mutant) -> Result | None:
        source = digest(self._sources[mutant.module])
        return self._results.of(mutant, source, self._digests[mutant.module])

    def _baselines(self, modules: set[str], workers: "SimpleQueue[Worker]") -> dict[str, float]:
        """Return the time limit of each module's tests. They have to pass as long as nothing is changed."""
        limits = {}
        for module in sorted(modules):
            worker = workers.get()
            verdict = worker.test(module, self._sources[module], concerns.tests(module), LONGEST_TESTS)
            workers.put(worker)
            if verdict.killed:
                raise SystemExit(f"The tests of {module} fail without any mutant:\n{verdict.output}")
            limits[module] = 3 * verdict.seconds + 10
            print(f"{module}: its tests take {verdict.seconds:.0f} s", flush=True)
        return limits

    def _tested(self, mutants: list[Mutant], workers: "SimpleQueue[Worker]") -> Iterator[Result]:
        def one_test(mutant: Mutant) -> Result:
            worker = workers.get()
            try:
                return self._result(mutant, worker)
            finally:
                workers.put(worker)

        with ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(one_test, mutant) for mutant in mutants]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:  # at an interruption the mutants under way are finished, and no other is begun
                pool.shutdown(wait=False, cancel_futures=True)

    def _result(self, mutant: Mutant, worker: Worker) -> Result:
        source = self._sources[mutant.module]
        code = mutant.of(source)
        verdict = worker.test(mutant.module, code, concerns.tests(mutant.module), self._limits[mutant.module])
        change = "\n".join(list(difflib.unified_diff(source.splitlines(), code.splitlines(), n=1, lineterm=""))[2:])
        digests = digest(source), self._digests[mutant.module]
        return Result(str(mutant), *digests, verdict.killed, round(verdict.seconds, 1), change)

    def _progress(self, result: Result, total: int, finished: list[Result], begun: float) -> None:
        killed = sum(each.killed for each in finished)
        state = f"{killed / len(finished):.0%} killed, {(time.monotonic() - begun) / 60:.0f} min"
        fate = "killed  " if result.killed else "SURVIVED"
        print(
            f"{len(finished):4} of {total}  {fate}  {result.seconds:5.1f} s  {result.mutant}  ({state})", flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
