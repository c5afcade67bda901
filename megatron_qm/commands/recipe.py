"""`--config RECIPE [key=value ...]`, shared by the verbs that take a recipe."""

import argparse


def add_recipe_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--config", action="append", required=required, metavar="RECIPE",
                        help="a YAML file, or the name of a shipped recipe; several are merged, a later one wins")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="dotted overrides, such as train.steps=200")
