"""The edits of an inventory's files that ``lvsfleet vip`` makes: one VIP of one service."""
