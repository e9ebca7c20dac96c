"""Start of the program: arguments, then the window or a command without it."""

from __future__ import annotations

import sys

from app.headless.arguments import parse


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns its exit code (`main.py --help` lists the codes)."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    if arguments.command is None or (arguments.command == "launch" and not arguments.headless):
        from app.headless.opening import Obstacle, Opening, prepare

        opening = prepare(arguments)
        if not isinstance(opening, Opening | Obstacle):
            return opening
        from app.bootstrap import run_window, show_fault  # Qt is imported for the window only

        if isinstance(opening, Obstacle):
            return show_fault(opening.fault, opening.settings)
        return run_window(opening.settings, opening.order)
    from app.headless.commands import run_command

    return run_command(arguments)


if __name__ == "__main__":
    sys.exit(main())
