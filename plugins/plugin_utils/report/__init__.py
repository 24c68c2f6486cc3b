# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet's memory: `figures` computes each number once, and the formats only render."""
