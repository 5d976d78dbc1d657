"""Microscopes' own files and OME-Zarr."""

import struct
from pathlib import Path

import numpy as np

PIXELS = np.random.default_rng(0).integers(0, 250, (2, 24, 30)).astype(np.uint8)
"""(2, 24, 30): what the files of `czi` (two channels) and `lif` (two series) hold."""


def czi(path: Path) -> None:
    """Write a CZI of two channels, 24 x 30 pixels of 0.25 µm."""
    from pylibCZIrw import czi as library

    with library.create_czi(str(path)) as document:
        for channel, plane in enumerate(PIXELS):
            document.write(plane[..., None], plane={"C": channel, "Z": 0, "T": 0})
        names = {0: "DAPI", 1: "GFP"}
        document.write_metadata("a", channel_names=names, scale_x=0.25e-6, scale_y=0.25e-6, scale_z=1e-6)


def lif(path: Path) -> None:
    """Write a LIF of two series of one channel, 24 x 30 pixels of 0.5 µm: no library writes them."""

    def element(number: int) -> str:
        lengths = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" '
            f'Length="{(count - 1) * 0.5e-6:.9e}" Unit="m" BitInc="0" BytesInc="{step}"/>'
            for axis, count, step in ((1, 30, 1), (2, 24, 30))
        )
        return (
            f'<Element Name="position {number}" UniqueID="u{number}"><Data><Image><ImageDescription>'
            '<Channels><ChannelDescription DataType="0" ChannelTag="0" Resolution="8" Min="0" Max="255" '
            'NameOfMeasuredQuantity="" Unit="" LUTName="Green" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
            "</Channels>"
            f"<Dimensions>{lengths}</Dimensions></ImageDescription></Image></Data>"
            f'<Memory Size="720" MemoryBlockID="MemBlock_{number}"/><Children/></Element>'
        )

    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="all" UniqueID="u"><Data><Experiment Path="a"/>'
        f'</Data><Memory Size="0" MemoryBlockID="MemBlock_9"/><Children>{element(0)}{element(1)}</Children>'
        "</Element></LMSDataContainerHeader>"
    )
    xml = text.encode("utf-16-le")
    parts = [struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(text)), xml]
    for number in range(2):
        name = f"MemBlock_{number}".encode("utf-16-le")
        parts.append(struct.pack("<IIBQBI", 0x70, len(name) + 14, 0x2A, 720, 0x2A, len(name) // 2))
        parts += [name, PIXELS[number].tobytes()]
    path.write_bytes(b"".join(parts))


def plate(path: Path) -> np.ndarray:
    """Write an OME-Zarr plate of two wells with a field and two; return the pixels of the last field."""
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    wells = {"A/1": 1, "B/2": 2}
    group.attrs["plate"] = {"wells": [{"path": well} for well in wells], "version": "0.4"}
    random = np.random.default_rng(1)
    for well, fields in wells.items():
        inner = group.create_group(well)
        inner.attrs["well"] = {"images": [{"path": str(n)} for n in range(fields)]}
        for number in range(fields):
            image = inner.create_group(str(number))
            pixels = random.integers(0, 250, (2, 20, 26)).astype(np.uint16)
            image.create_array("0", data=pixels, chunks=(1, 20, 26))
            image.attrs["multiscales"] = [
                {
                    "axes": [
                        {"name": "c", "type": "channel"},
                        {"name": "y", "type": "space", "unit": "nanometer"},
                        {"name": "x", "type": "space", "unit": "nanometer"},
                    ],
                    "datasets": [
                        {
                            "path": "0",
                            "coordinateTransformations": [{"type": "scale", "scale": [1, 325, 325]}],
                        }
                    ],
                }
            ]
            image.attrs["omero"] = {"channels": [{"label": "DNA"}, {"label": "actin"}]}
    return pixels


def store(path: Path) -> None:
    """Write 6 cells of 24 x 30 pixels as Zarr of version 3: two shards of three packed chunks."""
    import zarr

    cells = np.concatenate([PIXELS, PIXELS // 2, PIXELS // 3])
    codec = zarr.codecs.BloscCodec()
    zarr.create_array(
        str(path), data=cells, chunks=(1, 24, 30), shards=(3, 24, 30), compressors=[codec], zarr_format=3
    )


def ome_tiff(path: Path) -> None:
    """Write two channels of 24 x 30 pixels of 0.25 µm."""
    import tifffile

    metadata = {
        "axes": "CYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeY": 0.25,
        "Channel": {"Name": ["DAPI", "GFP"]},
    }
    tifffile.imwrite(path, PIXELS, ome=True, compression="zlib", metadata=metadata)
