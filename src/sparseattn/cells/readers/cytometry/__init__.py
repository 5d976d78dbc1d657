"""What cytometers write: deformability cytometry (.rtdc), and TIFF exports of imaging flow cytometers."""
