"""Keep the settings that a run was made with beside its results."""

from pathlib import Path

import yaml

Path(snakemake.output[0]).write_text(yaml.safe_dump(snakemake.params.settings, sort_keys=False))
