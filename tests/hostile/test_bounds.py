"""A few bytes may claim anything: memory and time stay bounded, and one sentence says why."""

import gzip
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import zarr

from benchmarks.fuzz.makers import models
from sparseattn.cells import open_cells
from sparseattn.cells.labels.log import LabelLog
from sparseattn.cells.tables import read_table
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError

LIMITED = """
import resource, sys
from sparseattn.cells import open_cells
from sparseattn.errors import InputError
here = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (here + (1500 << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
try:
    cells = open_cells(sys.argv[1], layout=sys.argv[2] or None)
    cells.ids
    cells.read(0)
except InputError as error:
    sys.exit(f'refused: {error}')
"""


def refused(path: Path, layout: str = "") -> str:
    """Open and read a file in a process of 1.5 GiB above the libraries and 30 s; return its one sentence."""
    command = [sys.executable, "-c", LIMITED, str(path), layout]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and done.stderr.startswith("refused: "), done.stderr[-2000:]
    assert done.stderr.count("\n") == 1
    return done.stderr


def npy_bytes(shape: str, kind: str = "|u1", data: bytes = b"") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + data


@pytest.mark.parametrize(
    "shape", ["(-1, 24, 28)", "(10000000000000, 24, 28)", "(999999999999999999999999999, 2, 2)"]
)
def test_an_array_whose_shape_lies(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "cells.npy"
    path.write_bytes(npy_bytes(shape, data=bytes(24 * 28 * 2)))
    assert "cells.npy" in refused(path)


def zeros(archive: zipfile.ZipFile, name: str, header: bytes, mebibytes: int) -> None:
    with archive.open(name, "w", force_zip64=True) as stream:
        stream.write(header)
        for _ in range(mebibytes):
            stream.write(bytes(1 << 20))


def test_an_archive_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "cells.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        zeros(archive, "images.npy", npy_bytes("(1500, 1024, 1024)"), 1500)
    code = "from sparseattn.cells import open_cells; import sys; open_cells(sys.argv[1]).read(0)"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=300)
    assert "CellError" in done.stderr and "bytes of it would become 1,572,864,128" in done.stderr


def test_labels_of_a_million_letters(tmp_path: Path) -> None:
    path = tmp_path / "cells.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", npy_bytes("(20, 24, 28)", data=os.urandom(20 * 24 * 28)))
        zeros(archive, "labels.npy", npy_bytes("(20,)", "<U1000000"), 80)
    assert "of up to 200 letters" in refused(path)


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        ({"shape": [10**6, 4000, 4000], "chunks": [10**6, 4000, 4000]}, "store it in smaller chunks"),
        ({"shape": [18, 4000, 4000], "chunks": [1, 1, 1]}, "lies in 16,000,000 parts"),
        ({"shape": [10**15, 400, 400], "chunks": [1, 400, 400]}, "1,000,000,000,000,000 cells"),
        ({"chunks": [0, 24, 28]}, "cannot be used"),
        ({"compressor": {"id": "pickle"}}, "cannot be used"),
    ],
)
def test_zarr_stores_that_claim_anything(tmp_path: Path, over: dict[str, object], sentence: str) -> None:
    path = tmp_path / "cells.zarr"
    path.mkdir()
    said = {
        "zarr_format": 2, "shape": [18, 24, 28], "chunks": [18, 24, 28], "dtype": "|u1", "order": "C",
        "compressor": None, "filters": None, "fill_value": 0,
    }  # fmt: skip
    (path / ".zarray").write_text(json.dumps(said | over))
    assert sentence in refused(path, "NYX") or sentence == "cannot be used"


@pytest.mark.parametrize(
    "name", ["../secret", "/etc", "http://127.0.0.1:9/x", "s3://bucket/x", "file:///etc"]
)
def test_no_zarr_store_leads_elsewhere(tmp_path: Path, name: str) -> None:
    images = np.random.default_rng(0).integers(0, 255, (18, 24, 28)).astype(np.uint8)
    zarr.create_array(str(tmp_path / "secret"), data=images, zarr_format=2)
    for about in (
        {"multiscales": [{"datasets": [{"path": name}], "axes": ["n", "y", "x"]}]},
        {"plate": {"wells": [{"path": name}]}},
        {"bioformats2raw.layout": 3, "series": [name]},
    ):
        group = tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr"
        group.mkdir()
        (group / ".zgroup").write_text('{"zarr_format": 2}')
        (group / ".zattrs").write_text(json.dumps(about))
        refused(group)


CODECS = {
    "zlib": (2, numcodecs.Zlib()),
    "gzip": (2, numcodecs.GZip()),
    "bzip2": (2, numcodecs.BZ2()),
    "lzma": (2, numcodecs.LZMA()),
    "lzma-raw": (2, numcodecs.LZMA(format=3, filters=[{"id": 33, "preset": 1}])),
    "lz4": (2, numcodecs.LZ4()),
    "zstd": (2, numcodecs.Zstd()),
    "gzip-3": (3, zarr.codecs.GzipCodec()),
    "zstd-3": (3, zarr.codecs.ZstdCodec(checksum=True)),
}


@pytest.mark.parametrize("name", CODECS)
def test_zarr_chunks_that_unpack_to_more_than_they_may_hold(tmp_path: Path, name: str) -> None:
    version, codec = CODECS[name]
    images = np.random.default_rng(0).integers(0, 9, (6, 24, 30)).astype(np.uint16)
    path = tmp_path / "cells.zarr"
    zarr.create_array(str(path), data=images, chunks=(6, 24, 30), zarr_format=version, compressors=codec)
    assert np.array_equal(open_cells(path, layout="NYX").read(4)[0], images[4])
    bomb = shutil.copytree(path, tmp_path / "bomb.zarr")
    (chunk,) = (file for file in bomb.rglob("*") if file.is_file() and "z" not in file.name)
    own = {"gzip-3": numcodecs.GZip(), "zstd-3": numcodecs.Zstd()}.get(name, codec)
    chunk.write_bytes(own.encode(bytes(20 << 20)))
    with pytest.raises(InputError, match="unpacks to over 1 MiB"):
        open_cells(bomb, layout="NYX").read(4)
    assert type(numcodecs.get_codec({"id": "zlib"})) is numcodecs.Zlib  # other users of Zarr keep theirs


CODECS_OF_SHARDS = {
    "gzip": zarr.codecs.GzipCodec,
    "zstd": zarr.codecs.ZstdCodec,
    "zlib": zarr.codecs.numcodecs.Zlib,
    "bzip2": zarr.codecs.numcodecs.BZ2,
    "lzma": zarr.codecs.numcodecs.LZMA,
    "lz4": zarr.codecs.numcodecs.LZ4,
    "numcodecs-gzip": zarr.codecs.numcodecs.GZip,
    "numcodecs-zstd": zarr.codecs.numcodecs.Zstd,
}


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3 specification")
@pytest.mark.parametrize("name", CODECS_OF_SHARDS)
def test_chunks_in_shards_that_unpack_to_more_than_they_may_hold(tmp_path: Path, name: str) -> None:
    def stored(images: np.ndarray, folder: str) -> Path:
        path, codec = tmp_path / folder, CODECS_OF_SHARDS[name]()
        shape = images.shape
        zarr.create_array(str(path), data=images, chunks=shape, shards=shape, compressors=codec)
        return path

    images = np.random.default_rng(0).integers(0, 9, (6, 24, 30)).astype(np.uint16)
    sound = stored(images, "cells.zarr")
    assert np.array_equal(open_cells(sound, layout="NYX").read(4)[0], images[4])
    bomb = stored(np.ones((6, 1000, 2000), np.uint16), "bomb.zarr")
    shutil.copy(sound / "zarr.json", bomb)
    with pytest.raises(InputError, match="unpacks to over 1 MiB"):
        open_cells(bomb, layout="NYX").read(4)


def test_an_hdf5_file_of_a_trillion_cells(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (10**12, 4000, 4000), np.float64, chunks=(1, 40, 40))
    assert "1,000,000,000,000 cells" in refused(path, "NYX")


@pytest.mark.parametrize("content", ["a," * 2_000_000 + "\n1\n", "id,class\n" + "x" * 2_000_000 + ",a\n"])
def test_tables_of_any_width(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(InputError) as error:
        read_table(tmp_path / "labels.csv")
    assert len(str(error.value)) < 1100


def _header(sound: bytes, change: Callable[[dict], None]) -> bytes:
    length = int.from_bytes(sound[:8], "little")
    said = json.loads(sound[8 : 8 + length])
    change(said)
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "little") + text + sound[8 + length :]


HEADERS = {
    "beyond the file": lambda said: said["net.cls"].update(data_offsets=[0, 1 << 40]),
    "negative": lambda said: said["net.cls"].update(data_offsets=[-4, 60]),
    "overlapping": lambda said: said["net.cls"].update(data_offsets=said["net.norm.weight"]["data_offsets"]),
    "shape": lambda said: said["net.cls"].update(shape=[1 << 40]),
    "shape that overflows": lambda said: said["net.cls"].update(shape=[1 << 33, 1 << 33]),
    "dtype": lambda said: said["net.cls"].update(dtype="OBJECT"),
    "many arrays": lambda said: said.update({f"a{i}": dict(said["net.cls"]) for i in range(50_000)}),
    "metadata that is no text": lambda said: said.update(__metadata__={"card": {"format": "sparseattn"}}),
    "huge metadata": lambda said: said["__metadata__"].update(more="x" * 20_000_000),
}


@pytest.mark.parametrize("name", HEADERS)
def test_model_files_whose_header_lies(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    models.model(path)
    path.write_bytes(_header(path.read_bytes(), HEADERS[name]))
    if name == "huge metadata":
        assert Classifier.load(path).k == 16  # what is not asked for is passed over
        return
    with pytest.raises(InputError) as error:
        Classifier.load(path)
    assert str(path) in str(error.value) and len(str(error.value)) < 1100


@pytest.mark.parametrize(
    "config",
    [
        {"size": 10**6},
        {"size": 1024, "cell_size": 1, "window": 31},
        {"size": 1024, "cell_size": 1, "window": 1, "width": 1024},
        {"classes": 100_000},
    ],
)
def test_a_card_that_asks_for_a_huge_net(tmp_path: Path, config: dict[str, int]) -> None:
    path = tmp_path / "model.safetensors"
    said, _ = models.parts()
    card = {key: value for key, value in said.items() if key != "model_hash"}
    models.with_card(json.dumps({**card, "config": {**card["config"], **config}}), path)
    with pytest.raises(InputError, match="the net"):
        Classifier.load(path)


def hostile_log(path: Path, *statements: str) -> None:
    with LabelLog.open(path) as log:
        log.add_class("round")
        log.label(["0011223344556677"], "round")
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n, n, n, n, n, n FROM c"


HOSTILE_LOGS = {
    "endless view": (
        "DROP VIEW current_classes",
        f"CREATE VIEW current_classes(class, name, colour, key, removed, number) AS {ENDLESS}",
    ),
    "trigger": (
        "CREATE TRIGGER more AFTER INSERT ON events "
        "BEGIN INSERT INTO classes(time) VALUES (zeroblob(1000000)); END",
    ),
    "table": ("CREATE TABLE more(a)",),
    "cell of bytes": (
        "INSERT INTO events(time, action, kind, cell, class, origin, picked) "
        "VALUES ('t', 9, 'label', x'00', 3, 'hand', 'hand')",
    ),
    "label of nothing": ("INSERT INTO events(time, action, kind) VALUES ('t', 9, 'label')",),
    "redo of nothing": ("INSERT INTO events(time, action, kind, undo_of) VALUES ('t', 9, 'redo', 77)",),
    "huge name": ("INSERT INTO classes(time, class, name) VALUES ('t', 9, zeroblob(100000000))",),
}


@pytest.mark.parametrize("statements", HOSTILE_LOGS.values(), ids=HOSTILE_LOGS)
def test_label_files_that_others_made(tmp_path: Path, statements: tuple[str, ...]) -> None:
    path = tmp_path / "labels.sqlite"
    hostile_log(path, *statements)
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(InputError, match=r"labels\.sqlite"):
            LabelLog.open(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_picture_with_a_bomb_beside_its_pixels(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    text = b"a\0\0" + zlib.compress(bytes(200 << 20), 1)
    path = tmp_path / "cell.png"
    header = struct.pack(">IIBBBBB", 20, 20, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"zTXt", text)
        + chunk(b"IDAT", zlib.compress(os.urandom(21 * 20))) + chunk(b"IEND", b"")
    )  # fmt: skip
    assert "cell.png" in refused(path)
    (tmp_path / "cells.npy.gz").write_bytes(gzip.compress(bytes(10 << 20)))
    assert "of no known kind" in refused(tmp_path / "cells.npy.gz")
