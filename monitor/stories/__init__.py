"""Which items tell of one event: a fingerprint of each item, a window of stories, an assignment.

Pure: the clock is the items' own, the only data read is the IDF table shipped with the package.
"""

from monitor.stories.assignment import KEEP, assign, cluster, story_id
from monitor.stories.fingerprints import Fingerprint, fingerprint
from monitor.stories.window import Window

__all__ = ["KEEP", "Fingerprint", "Window", "assign", "cluster", "fingerprint", "story_id"]
