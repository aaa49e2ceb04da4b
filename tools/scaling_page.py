"""The text of docs/scaling.md, into which `tools.scaling` puts its numbers."""

PAGE = """# How far it scales

What would it take to map all of Svalbard, and all glaciers on Earth, in each of {years} years? Made by
`python -m tools.scaling` from three kinds of numbers; none of them is a run of that size:

- **measured** rates on two threads, in [RESULTS.md](../benchmarks/RESULTS.md): mapping a tile in memory in the default
  way (openvino, bf16), reading compressed GeoTIFFs from a disk by one process, memory;
- **computed** from the networks and the layout of the windows: operations, pixels in the overlap of windows, blocks
  that are read. *No GPU was at hand*: its hours are the operations by {share:.0%} of the {peak:.0f} TFLOP/s that the
  data sheet of an {gpu} names;
- **assumed**, on {date}, in [config/scaling.yaml](../config/scaling.yaml): prices, nodes that are slow or fail, the
  link to the archive. Prices are no quotes of anyone. Put yours there and run the tool again.

## What there is to do

{size}

*Svalbard* is a rectangle of {height} × {width} pixels of {pixel:.0f} m, with {dates} dates a year. *All glaciers* are
the {ice} km² of the Randolph Glacier Inventory 7.0 (RGI Consortium 2023, doi
[10.5067/f6jmovy5navz](https://doi.org/10.5067/f6jmovy5navz)), in tiles of 10 km. How many tiles hold them is not known
here, as the outlines of the whole Earth are not at hand to count. *Densest* takes as many as on Svalbard, where the
published tiles are {densest} times as large as the ice in them; *sparsest* assumes {ratio:.0f} times as many. Radar
takes {stored:.1f} bytes for a pixel and date, as *simulated* GeoTIFFs do (float32, DEFLATE). Strips are what
`glaciersar map --strip` writes, maps are probability and mask, both before compression. The link has {link:.0f} Gbit/s.
A block, {block} × {block} pixels, is one request at most; blocks beside each other are often read by one.

## What it takes

{time}

Networks have a width of {wide}, as published. EUR are the hours of two threads at {cpu_price:.2f} EUR. With a GPU,
{readers} processes read and prepare for it, each as fast as the one that was measured, and it is rented for the longer
of both times at {gpu_price:.2f} EUR an hour. On a CPU a thread reads meanwhile: {alone:.1f} h for Svalbard, which the
hours of two threads do not hold. **A GPU waits for its readers**: for `unet3d` they take {waits:.0f} times
as long as it computes. To keep the radar of Svalbard for a month costs {keep:.0f} EUR at {storage:.0f} EUR a TB.

## In a queue

`unet3d` on two threads a job: a strip of {rows} rows of windows of Svalbard, or {tiles} tiles elsewhere.
[tools/job_queue.py](../tools/job_queue.py) simulates workers of which the slowest takes {slowest} times as long as
the fastest, and jobs that die with a probability of {lost:.0%} an hour and start anew. Each job takes {start} s before
it computes.

{queue}

## Where it breaks

{breaks}
"""

BREAKS = (
    (
        "memory of a job",
        "{memory} MiB on a CPU, {device:.1f} GiB of a GPU",
        "does not grow with the area: a window, those read ahead, and the row that is passed on, {carry:.0f} MB for "
        "the width of Svalbard",
    ),
    ("memory of the join", "{join:.0f} MiB, measured for a map that streams", "likewise"),
    (
        "disk of the join",
        "{unfinished:.0f} GB for Svalbard and a year",
        "twice the rasters without compression; where there is less, it is refused before any work",
    ),
    ("disk of the strips", "{strips:.0f} GB for Svalbard and a year", "they can go once a year is joined"),
    (
        "number of jobs",
        "{tile_jobs} if each tile of all glaciers were one",
        "most of their time would be starting, and one `snakemake` plans no such number (not tried): many tiles a job, "
        "one call for each zone and year",
    ),
    (
        "number of files",
        "{files} maps of all glaciers",
        "a folder for each zone and year: few file systems are quick with so many in one",
    ),
    (
        "requests",
        "{blocks} million blocks for all glaciers",
        "{per_second} a second with {workers} jobs at a time; servers slow such readers down, and answer 503, which is "
        "tried again",
    ),
    (
        "link",
        "{link_hours:.1f} h for Svalbard, {link_earth:.0f} h for all glaciers",
        "{together:.0f} jobs at a time fill it; more need to run where the archive is",
    ),
    (
        "grid",
        "one projection a map",
        "`glaciersar map` takes the pixels of the scenes: each UTM zone is a region of its own, and a glacier across "
        "two zones is in both",
    ),
    (
        "dates",
        "{dates} a year of one orbit",
        "not everywhere there: a year with too few is refused; away from the Arctic it is VV, not HH",
    ),
    ("the network", "trained on Svalbard, or on *simulated* radar", "nothing here tells how well it maps elsewhere"),
)
"""What breaks, how large it is, and what follows: rows of the last table."""
