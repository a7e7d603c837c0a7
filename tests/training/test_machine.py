"""The machine in config.json, and what is said when a run continues on another one."""

import json
import platform

from stylegan_tf.training import machine


def test_the_machine_is_told_in_json():
    told = json.loads(json.dumps(machine.describe('Some GPU')))
    assert told['device'] == 'Some GPU' and told['cores'] >= 1 and told['memory_gigabytes'] > 0.1
    assert told['cpu'] and platform.system() in told['system']


def test_another_machine_is_told_by_what_differs():
    old = {'machine': {'device': 'CPU', 'cpu': 'A', 'cores': 2, 'memory_gigabytes': 1},
           'versions': {'python': '3.11.2', 'tensorflow': '2.20.0', 'pillow': '11'}}
    new = {'machine': {'device': 'H200', 'cpu': 'A', 'cores': 4, 'memory_gigabytes': 2},
           'versions': {'python': '3.11.2', 'tensorflow': '2.21.0', 'pillow': '12', 'jax': '0.6'}}
    assert machine.changes(old, new) == [
        'device was CPU and is now H200', 'cores was 2 and is now 4', 'tensorflow was 2.20.0 and is now 2.21.0']
    assert machine.changes(new, new) == [] == machine.changes({}, new)
