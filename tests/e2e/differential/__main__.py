"""The long forms, by hand, from the root of the checkout:

    python -m tests.e2e.differential --regress DIR   PostgreSQL's own suite
    python -m tests.e2e.differential --record        what ORMs send, into `traffic`

`DIR` is `src/test/regress` of its sources. Debian's `apt-get source postgresql-15` brings them; they
have to be of the server's version.
`--only NAME …` runs some of its scripts, `--mode text|binary` in the extended protocol. Ends with 1
where something differs that `reasons.json` does not explain.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from differential.record import record  # noqa: E402
from differential.regress import play, prepare, schedule  # noqa: E402
from differential.run import Run  # noqa: E402
from differential.twins import MODES, Twins  # noqa: E402
from harness.world import World  # noqa: E402


def regress(world: World, folder: Path, names: list[str], mode: str, report: Path | None) -> bool:
    twins = Twins(world, "regress", control=True)
    try:
        prepare(twins, folder)
        run = Run(twins, is_told=False)
        told = 0
        out = report.open("w") if report else sys.stdout
        for name in play(run, folder, names or schedule(folder), mode):
            for surprise in run.counts.surprises[told:]:
                print(surprise, file=out, flush=True)
            told = len(run.counts.surprises)
            so_far = str(run.counts).splitlines()[0]
            print(f"{name}: {so_far}", file=sys.stderr, flush=True)
        print(run.counts)
        return not run.counts.surprises
    finally:
        twins.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.differential")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--regress", type=Path, metavar="DIR")
    what.add_argument("--record", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--mode", choices=MODES, default="simple")
    parser.add_argument("--report", type=Path, help="where differences are written")
    options = parser.parse_args()
    world = World()
    try:
        if options.record:
            record(world)
            return 0
        folder = options.regress.resolve()
        return 0 if regress(world, folder, options.only, options.mode, options.report) else 1
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())
