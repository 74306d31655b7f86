"""`loci audit verify`: commands are noted, and an entry that somebody has changed is named."""

import json
import sqlite3

from tests.helpers.commands import *  # noqa: F403
