"""Writes the expected values beside this file: `python generate.py` (needs torch; see README.md)."""
import pathlib

import meta_gradients
import models
import multi_task

GOLDENS = {
    "maml_dense": (meta_gradients.maml_dense, "MAML and FOMAML through a small dense network"),
    "maml_classification": (meta_gradients.maml_classification, "Learned inner rates and the multi-step loss"),
    "maml_conv": (meta_gradients.maml_conv, "MAML and FOMAML through convolutions and batch normalisation"),
    "anil": (meta_gradients.anil, "Only the last layer adapts"),
    "huber": (meta_gradients.huber, "Huber's loss inside, mean squared error outside"),
    "reptile": (meta_gradients.reptile, "One outer update of Reptile"),
    "uncertainty": (multi_task.uncertainty, "Weights by learned uncertainty (Kendall 2018)"),
    "gradnorm": (multi_task.gradnorm, "One step of GradNorm (Chen 2018)"),
    "pcgrad": (multi_task.pcgrad, "PCGrad's projections (Yu 2020)"),
    "dwa": (multi_task.dwa, "Dynamic weight average (Liu 2019)"),
}

LAYOUT = ("every tensor is its shape and its values with the last index fastest; dense weights [in][out], so that "
          "output = input . weights + bias; convolution weights [out][in / groups][height][width] or "
          "[out][in / groups][length]; images [sample][channel][height][width], signals [sample][channel][length]; "
          "labels are class indices")

if __name__ == "__main__":
    folder = pathlib.Path(__file__).parent
    for name, (make, about) in GOLDENS.items():
        torch = models.torch.__version__.split("+")[0]
        whole = {"about": about, "layout": LAYOUT, "made_by": f"torch {torch}, float64",
                 "cases": make()}
        (folder / f"{name}.json").write_text(models.text(whole) + "\n")
        print(name, [case["name"] for case in whole["cases"]])
