"""Damaged files of every format: one clear sentence each, without a crash, a hang or a full memory."""
