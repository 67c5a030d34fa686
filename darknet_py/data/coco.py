"""COCO for Darknet: fetches pictures and boxes from COCO's own site and writes Darknet's labels and lists.

    python -m darknet_py.data.coco                        # COCO 2017 (20 GB to fetch) into data/coco
    python -m darknet_py.data.coco --splits val2017       # only the 5,000 pictures of val2017 (1 GB)

`darknet_py data from_coco` converts annotations of COCO's form whose pictures are there already.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from darknet_py.data.fetch import download, unpack
from darknet_py.data.formats import coco
from darknet_py.data.formats.darknet import write_labels
from darknet_py.data.formats.dataset import Dataset
from darknet_py.errors import DarknetError
from darknet_py.files import write_text

SITE = "http://images.cocodataset.org"  # no https: the site's certificate is made out to another name
SPLITS = ("train2017", "val2017")


def fetch(folder: Path, split: str, site: str = SITE, keep: bool = False) -> Dataset:
    """COCO's `split` ("val2017") in `folder`: images/<split>/, labels/<split>/ and, last of all, <split>.txt.

    What is there already isn't fetched again; an interrupted call is gone on with by the next one. The list has
    absolute paths, so that it serves from any working directory.
    keep: leave the archives in `folder`, instead of removing them when they are unpacked.
    """
    files = {f"annotations/instances_{name}.json": folder / f"annotations/instances_{name}.json" for name in SPLITS}
    _fetch_lacking(f"{site}/annotations/annotations_trainval2017.zip", folder, files, keep)
    pictures = (folder / "images" / split).absolute()
    dataset = coco.read(folder / f"annotations/instances_{split}.json", pictures, split)
    paths = {f"{split}/{picture.name}": pictures / picture.name for picture in dataset.splits[0].pictures}
    _fetch_lacking(f"{site}/zips/{split}.zip", folder, paths, keep)
    write_labels(list(paths.values()), dataset.splits[0].pictures)
    write_text(folder / f"{split}.txt", "".join(f"{path}\n" for path in paths.values()))
    return dataset


def _fetch_lacking(url: str, folder: Path, files: dict[str, Path], keep: bool) -> None:
    """Those of `files` (member of the archive at `url` -> path) that aren't there yet."""
    lacking = {member: path for member, path in files.items() if not path.exists()}
    if not lacking:
        return
    archive = folder / url.rsplit("/", 1)[-1]
    if not archive.exists():
        download(url, archive)
    unpack(archive, lacking)
    if not keep:
        archive.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m darknet_py.data.coco",
        description="Fetches COCO 2017 from its own site and writes Darknet's labels and lists; an interrupted call "
        "is gone on with by the next.",
    )
    parser.add_argument("--folder", type=Path, default=Path("data/coco"), help="where COCO goes (%(default)s)")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS, help="what to fetch (both)")
    parser.add_argument("--site", default=SITE, help="a mirror's address (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the archives when they are unpacked")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        for split in options.splits:
            dataset = fetch(options.folder, split, options.site.rstrip("/"), options.keep)
            print("; ".join(dataset.summary()[1:]))
    except DarknetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
