"""What `import partd` finds once accrete.partd.install() has put this folder in front: accrete.partd."""

import os
import sys

try:
    import accrete.partd._install
except ModuleNotFoundError:  # the process that started this one had accrete in another folder of its path
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
    import accrete.partd._install

accrete.partd._install.alias()
