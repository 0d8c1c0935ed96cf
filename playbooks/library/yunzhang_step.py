"""Runs one step of a plan's wave in the clouds. All that matters is in yunzhang.clouds.steps."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: yunzhang_step
short_description: Runs one step of a wave of a Yunzhang migration plan in its clouds
description:
  - Needs the interpreter that yunzhang is installed for (ansible_playbook_python).
  - Running a step again changes nothing more. In check mode it says what it would do.
options:
  step: {description: Name of the step or roll_back, type: str, required: true}
  plan: {description: The plan document, type: path, required: true}
  wave: {description: Number of the wave; all waves without it, type: int}
  servers: {description: Keys of servers of the wave; all without it, type: list, elements: str}
  record: {description: JSON lines of intents; what roll_back takes back, type: path}
  clouds_file: {description: clouds.yaml instead of YUNZHANG_CLOUDS, type: path}
  transfer_file: {description: transfer.json instead of YUNZHANG_TRANSFER, type: path}
  bases: {description: Folders that relative paths are seen from, type: list, elements: str}
"""
RETURN = r"""
made: {description: What was made or found, type: list, returned: always}
intents: {description: What was going to be done, type: list, returned: with record or check mode}
messages: {description: For people, type: list, returned: always}
problems: {description: All problems of a precheck, type: list, returned: on failure}
"""
ARGUMENTS = {
    "step": {"type": "str", "required": True},
    "plan": {"type": "path", "required": True},
    "wave": {"type": "int"},
    "servers": {"type": "list", "elements": "str", "default": []},
    "record": {"type": "path"},
    "clouds_file": {"type": "path"},
    "transfer_file": {"type": "path"},
    "bases": {"type": "list", "elements": "str", "default": ["."]},
}
SETTINGS = {"clouds_file": "YUNZHANG_CLOUDS", "transfer_file": "YUNZHANG_TRANSFER"}


def main() -> None:
    """See the module."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    given = module.params
    from yunzhang import settings, texts
    from yunzhang.clouds.steps.running import Order, find_file, run

    for name, variable in SETTINGS.items():
        if given[name]:
            os.environ[variable] = str(find_file(given[name], given["bases"]))
    texts.set_language(settings.current().language)
    record = given["record"] and Path(given["bases"][0]) / given["record"]
    result = run(
        Order(
            step=given["step"],
            plan=find_file(given["plan"], given["bases"]),
            wave=given["wave"],
            servers=tuple(given["servers"]),
            record=record or None,
            check=module.check_mode,
        )
    )
    if result.pop("failed", False):
        if result["hint"]:
            result["msg"] += "\n" + result["hint"]
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
