"""`python -m mutants`: test a sample of mutants, or those of one module, and print the survivors.

Interrupted, it goes on where it stopped. A mutant counts as killed if a test fails or the tests never end.
"""

import argparse
import difflib
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from mutants import concerns
from mutants.candidates import Mutant, sample
from mutants.results import Result, Results, digest, table
from mutants.traces import Selection, Trace, selection
from mutants.workers import PROJECT, Worker

HOME = PROJECT / ".mutants"
_FILES_A_TRACE = 6
"""Test files: starting the local stack takes longer than most."""
_OWN_CPU = 150
"""Seconds of CPU time for the tests that concern a module."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line *arguments*; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--module", action="append", help="such as chalicelib/hashtags.py; default: every module")
    parser.add_argument("--sample", type=int, default=400, help="number of mutants; default 400")
    parser.add_argument("--all", action="store_true", help="every mutant in place of a sample")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws another sample; default 1")
    parser.add_argument("--workers", type=int, default=2, help="tests that run at the same time; default 2")
    parser.add_argument(
        "--own", action="store_true", help="run only the tests that concern a module, which is quicker"
    )
    options = parser.parse_args(arguments)
    modules = options.module or concerns.modules()
    if unknown := [module for module in modules if not PROJECT.joinpath(module).is_file()]:
        sys.exit(f"There is no {unknown[0]}: make mutants MODULE=chalicelib/hashtags.py")
    sources = {module: PROJECT.joinpath(module).read_text(encoding="utf-8") for module in modules}
    HOME.mkdir(exist_ok=True)
    run = Run(sources, Results(HOME / "results.jsonl"), options.workers, is_own=options.own)
    results = run.test(sample(sources, None if options.all else options.sample, options.seed))
    for result in sorted(results, key=lambda result: result.mutant):
        if not result.killed:
            print(f"\nSURVIVED {result.mutant}\n{result.change}")
    print(f"\n{table(results)}")
    return 0


class Run:
    """A run over the modules in *sources*; what *results* has already is not tested again.

    *is_own*: only the tests that concern a module take part, and nothing is traced.
    """

    def __init__(self, sources: dict[str, str], results: Results, workers: int, *, is_own: bool = False) -> None:
        self._sources, self._results, self._workers, self._is_own = sources, results, workers, is_own
        self._traces: dict[str, Trace] = {}
        self._digests = {module: self._tests_digest(module) for module in sources}

    def _tests_digest(self, module: str) -> str:
        scope = ("own",) if self._is_own else ()
        return digest(
            *scope, *(PROJECT.joinpath(file).read_text(encoding="utf-8") for file in concerns.tests(module))
        )

    def test(self, mutants: list[Mutant]) -> list[Result]:
        """Return the results of *mutants*, printing each as it comes."""
        earlier = [self._earlier_result(mutant) for mutant in mutants]
        results = [result for result in earlier if result]
        new = [mutant for mutant, result in zip(mutants, earlier, strict=True) if not result]
        print(f"{len(mutants)} mutants, {len(results)} of them tested before.", flush=True)
        workers: SimpleQueue[Worker] = SimpleQueue()
        for number in range(self._workers if new else 0):
            workers.put(Worker(HOME / f"worker-{number}"))
        if not self._is_own:
            self._trace({mutant.module for mutant in new}, workers)
        start = time.monotonic()
        for result in self._tested(new, workers):
            self._results.add(result)
            results.append(result)
            self._progress(result, len(mutants), results, start)
        while not workers.empty():
            workers.get().close()
        return results

    def _earlier_result(self, mutant: Mutant) -> Result | None:
        source = digest(self._sources[mutant.module])
        return self._results.of(mutant, source, self._digests[mutant.module])

    def _trace(self, modules: set[str], workers: "SimpleQueue[Worker]") -> None:
        """Find out what each test of *modules* runs, unless that is known already."""
        folder = HOME / "traces" / digest(*self._all_sources())
        folder.mkdir(parents=True, exist_ok=True)
        traces = {
            file: folder / f"{digest(file, PROJECT.joinpath(file).read_text(encoding='utf-8'))}.json"
            for file in sorted({file for module in modules for file in concerns.test_files(module)})
        }
        missing = [file for file in traces if not traces[file].exists()]
        parts = [missing[first : first + _FILES_A_TRACE] for first in range(0, len(missing), _FILES_A_TRACE)]
        with ThreadPoolExecutor(self._workers) as pool:
            for _ in pool.map(lambda files: self._trace_files(files, traces, workers), parts):
                pass
        self._traces.update({file: json.loads(path.read_text(encoding="utf-8")) for file, path in traces.items()})

    def _trace_files(self, files: list[str], traces: dict[str, Path], workers: "SimpleQueue[Worker]") -> None:
        worker, start = workers.get(), time.monotonic()
        for file, trace in worker.traces(files):
            traces[file].write_text(json.dumps(trace), encoding="utf-8")
            failed = [test for test, about in trace.items() if about["failed"]]
            left_out = f"; left out, for it fails without a mutant: {', '.join(failed)}" if failed else ""
            print(f"{file}: {len(trace) - len(failed)} tests{left_out}", flush=True)
        workers.put(worker)
        print(f"{len(files)} files, {time.monotonic() - start:.0f} s", flush=True)

    def _all_sources(self) -> list[str]:
        return [PROJECT.joinpath(module).read_text(encoding="utf-8") for module in concerns.modules()]

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
        verdict = worker.test(mutant.module, code, self._selection(mutant))
        change = "\n".join(list(difflib.unified_diff(source.splitlines(), code.splitlines(), n=1, lineterm=""))[2:])
        digests = digest(source), self._digests[mutant.module]
        return Result(str(mutant), *digests, verdict.fate, round(verdict.seconds, 1), change)

    def _selection(self, mutant: Mutant) -> Selection:
        own = concerns.tests(mutant.module)
        if self._is_own:
            return Selection(own, [], [], None, _OWN_CPU)
        traces = {file: self._traces[file] for file in concerns.test_files(mutant.module)}
        return selection(mutant.module, self._sources[mutant.module], mutant.line, traces, own)

    def _progress(self, result: Result, total: int, results: list[Result], start: float) -> None:
        killed = sum(each.killed for each in results)
        state = f"{killed / len(results):.0%} killed, {(time.monotonic() - start) / 60:.0f} min"
        print(
            f"{len(results):4} of {total}  {result.fate:11}  {result.seconds:5.1f} s  {result.mutant}  ({state})",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
