"""What can befall a file."""

import random
import shutil
from pathlib import Path


def damaged(sound: bytes, chance: random.Random) -> bytes:
    """Return a file with one to three kinds of damage."""
    content = bytearray(sound)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at, length = chance.randrange(len(content) or 1), chance.choice((1, 2, 4, 8, 16, 64, 256, 1024))
        match chance.randrange(8):
            case 0:
                del content[at:]
            case 1:
                for _ in range(chance.choice((1, 1, 2, 8, 64)) if content else 0):
                    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            case 2:
                content[at : at + length] = chance.randbytes(length)
            case 3:
                content[at : at + length] = bytes(len(content[at : at + length]))
            case 4:
                content[at : at + length] = b"\xff" * len(content[at : at + length])
            case 5:
                content[at:at] = content[at : at + length]
            case 6:
                del content[at : at + length]
            case 7:  # where headers are
                for _ in range(chance.choice((1, 2, 8)) if content else 0):
                    content[chance.randrange(min(len(content), 512))] = chance.randrange(256)
    return bytes(content)


def damage_folder(sound: Path, target: Path, chance: random.Random) -> None:
    """Copy a folder (Zarr) with one of its files damaged or left out, most often one that describes."""
    shutil.copytree(sound, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    descriptions = [path for path in files if path.name.startswith(".z") or path.name == "zarr.json"]
    chosen = chance.choice(descriptions if chance.random() < 0.8 else files)
    if chance.random() < 0.1:
        chosen.unlink()
    else:
        chosen.write_bytes(damaged(chosen.read_bytes(), chance))
