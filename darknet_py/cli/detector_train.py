"""``darknet_py detector train``: trains a detector on labelled pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from darknet_py.cli.arguments import Parser, number, whole


def parser() -> Parser:
    """The arguments, Darknet's and our own."""
    p = Parser(
        "detector train",
        "Trains a detector on the pictures of the list `train` of a .data file.",
        "data/coco.data cfg/yolov4.cfg yolov4.conv.137 -map",
    )
    p.add_argument("data", help=".data file: says where the class names and the lists of pictures are")
    p.add_argument("cfg", help="the network and how it is trained")
    p.add_argument("weights", nargs="?", help="parameters to start from; without it, random ones")
    p.add_argument("-clear", action="store_true", help="count iterations from 0, whatever the weights file says")
    p.add_argument("-seed", type=whole(0), default=0, metavar="N", help="of all random numbers (%(default)s)")
    p.add_argument("-cutoff", type=whole(0), metavar="N", help="take only the first N layers of the weights file")
    p.add_argument("-map", action="store_true")
    p.add_argument("-mAP_epochs", type=number(0), default=4.0)
    p.add_argument("-dont_show", action="store_true", help="nothing is shown in windows anyway")
    p.add_argument("-workers", type=whole(0), metavar="N", help="processes that load pictures (one a core)")
    p.add_argument("-threads", type=whole(1), metavar="N", help="threads of the computation (one a core)")
    p.add_argument("-nogpu", action="store_true", help="compute on the CPU")
    return p


def run(args: argparse.Namespace) -> int:
    """Trains to max_batches."""
    from darknet_py.config.datafile import read_data
    from darknet_py.data.lists import read_list
    from darknet_py.data.loader import DetectionLoader
    from darknet_py.data.recipe import AugmentOptions
    from darknet_py.network import load_network, load_weights
    from darknet_py.ops import NumpyOps
    from darknet_py.train.hooks import SaveWeights, print_line
    from darknet_py.train.interrupt import Interrupt
    from darknet_py.train.loop import Progress, Trainer
    from darknet_py.train.schedule import input_size

    data = read_data(args.data)
    net = load_network(args.cfg, NumpyOps(threads=args.threads), args.seed)
    options, head = net.options, net.heads[-1][1]
    progress = Progress(args.seed)
    if args.weights:
        header = load_weights(net, args.weights, args.cutoff)
        progress.iteration = 0 if args.clear else header.seen // options.batch
    trainer = Trainer(net, progress)
    loader = DetectionLoader(
        read_list(data.file("train")),
        classes=head.classes,
        max_boxes=head.max,
        options=AugmentOptions(
            jitter=head.jitter,
            resize=head.resize,
            flip=options.flip,
            hue=options.hue,
            saturation=options.saturation,
            exposure=options.exposure,
            letter_box=options.letter_box,
            mosaic=options.mosaic,
            mosaic_bound=options.mosaic_bound,
            mixup=bool(options.mixup),
            blur=options.blur,
            gaussian_noise=options.gaussian_noise,
        ),
        batch=options.batch,
        seed=args.seed,
        channels=net.input.c,
        workers=args.workers,
    )
    heads = [layer for _, layer in net.heads]
    save = SaveWeights(Path(data.backup), Path(args.cfg).stem, data, options)
    with loader, Interrupt() as interrupt:
        batches = loader.batches(progress.iteration, lambda i: input_size(options, heads, i, args.seed))
        try:
            trainer.run(batches, [print_line, save], interrupt.check)
        except (KeyboardInterrupt, SystemExit):
            if trainer.whole:
                save.save(trainer, "last")
            raise
    print(f"trained: {save.save(trainer, 'final')}")
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(run(parser().parse(sys.argv[1:])))
