"""What machine a run was trained on, for config.json. Imports no TensorFlow."""

import os
import pathlib
import platform

from stylegan_tf import cores

COMPARED_VERSIONS = ('python', 'tensorflow', 'keras', 'jax')


def describe(device):
    """Returns {'cpu', 'cores', 'memory_gigabytes', 'system', 'device'}.

    Args:
        device: Name of the device that computes, as text: 'CPU', or the accelerator's name.
    """
    return {'cpu': _cpu_name(), 'cores': cores.available(), 'memory_gigabytes': _memory_gigabytes(),
            'system': f'{platform.system()} {platform.machine()}', 'device': device}


def changes(old, new):
    """Returns lines about what differs between the machines and versions of two config.json dicts.

    A run may continue elsewhere; on other devices and versions the last bits of its numbers differ.
    Records that are older than an entry say nothing about it.
    """
    lines = []
    for key, names in (('machine', ('device', 'cpu', 'cores')), ('versions', COMPARED_VERSIONS)):
        before, after = old.get(key) or {}, new.get(key) or {}
        lines += [f'{name} was {before[name]} and is now {after[name]}' for name in names
                  if name in before and name in after and before[name] != after[name]]
    return lines


def _cpu_name():
    try:
        lines = pathlib.Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gigabytes():
    try:
        return round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1)
    except (ValueError, OSError):
        return None
