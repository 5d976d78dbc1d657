"""Images of phase, and arrays of images."""

from pathlib import Path

import numpy as np


def image() -> np.ndarray:
    """Return (24, 28) float32 radians: one cell."""
    y, x = np.mgrid[:24, :28]
    return (3 * np.exp(-((y - 12) ** 2 + (x - 14) ** 2) / 40)).astype(np.float32)


def stack() -> np.ndarray:
    """Return (18, 24, 28) float32 radians: the cell, thicker and thicker."""
    return np.stack([image() * factor for factor in np.linspace(0.5, 1.5, 18)])


def npy(path: Path) -> None:
    """Write images."""
    np.save(path, stack())


def npz(path: Path) -> None:
    """Write images with labels."""
    np.savez_compressed(path, images=stack(), labels=np.array(["a", "b"] * 9))


def hdf5(path: Path) -> None:
    """Write packed images, and a link to them."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("run/images", data=stack(), chunks=(4, 24, 28), compression="gzip")
        file["run/soft"] = h5py.SoftLink("/run/images")
        file.attrs["note"] = "made to be damaged"


def mat5(path: Path) -> None:
    """Write what MATLAB 5 to 7 saves."""
    from scipy.io import savemat

    savemat(path, {"phase": stack().transpose(1, 2, 0), "note": "text", "s": {"a": 1}}, do_compression=True)


def mat73(path: Path) -> None:
    """Write what MATLAB 7.3 saves."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        file["phase"] = stack().astype(np.float64)
        file["phase"].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def qpimage(path: Path) -> None:
    """Write a series of two."""
    from qpimage import QPImage, QPSeries

    with QPSeries(h5file=path, h5mode="w") as series:
        for factor in (1, 0.5):
            meta = {"wavelength": 550e-9, "pixel size": 1e-7}
            picture = QPImage(
                data=(image() * factor, np.ones((24, 28))), which_data="phase,amplitude", meta_data=meta
            )
            series.add_qpimage(picture)


def hologram(path: Path) -> None:
    """Write a raw off-axis hologram in qpformat's HDF5."""
    import h5py

    y, x = np.mgrid[:24, :28]
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "qpformat", "imaging_modality": "off-axis holography"})
        file["0"] = (100 + 60 * np.cos(np.pi / 2 * (y + x) + image())).astype(np.uint8)
        file["0"].attrs.update({"wavelength": 550e-9, "pixel size": 1e-7})


def qlsi(path: Path) -> None:
    """Write a QLSI picture in qpformat's HDF5."""
    import h5py

    y, x = np.mgrid[:48, :48]
    with h5py.File(path, "w") as file:
        modality = "quadriwave lateral shearing interferometry"
        file.attrs.update({"file_format": "qpformat", "imaging_modality": modality})
        file["0"] = (100 + 40 * np.cos(2 * x) + 40 * np.cos(2 * y)).astype(np.uint16)
        file["0"].attrs.update({"wavelength": 550e-9, "qlsi_pitch_term": 1.9e-8})


def phasics(path: Path) -> None:
    """Write a SID PHA file: intensity, OPD and one more."""
    import tifffile

    settings = (
        "<PhaData><Cluster><Name>Analyse data</Name><DBL><Name>Lambda(nm)</Name><Val>550</Val></DBL>"
        "</Cluster></PhaData>"
    )
    with tifffile.TiffWriter(path) as tiff:
        for low, high in ((0, 1000), (-0.2, 0.5), (-100.0, 250.0)):
            numbers = (image() * 20000).astype(np.uint16)
            extra = [
                (61238, "s", 0, settings, False),
                (61243, "d", 1, float(low), False),
                (61242, "d", 1, float(high), False),
                (281, "H", 1, 65535, False),
            ]
            tiff.write(numbers, extratags=extra, metadata=None)
