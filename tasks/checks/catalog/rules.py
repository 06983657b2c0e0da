"""The rules: are the marks there, running and saved, and nothing else."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS001 = CheckInfo(
    "LVS001",
    "a rule is missing, running and saved",
    Severity.ERROR,
    "The packet filter has no rule for packets of a service, neither now nor after a reboot. IPVS"
    " looks for a virtual server by the mark; without one it knows none, so the packet goes to the"
    " router itself, which refuses it. Of a service with several ports only some may be affected:"
    " visitors then reach one real server by HTTP and another, or none, by HTTPS.",
    "lvsfleet rollout --limit ROUTER adds what is missing, proves it and saves it. --dry-run shows"
    " it before.",
    rollout=True,
)
LVS002 = CheckInfo(
    "LVS002",
    "a rule runs, but is not saved",
    Severity.ERROR,
    "The rule works now and is gone after the next reboot (with firewalld also after a reload):"
    " typed without --permanent, or without saving. It shows when the other router of the cluster"
    " fails, which is the worst moment.",
    "lvsfleet rollout --limit ROUTER saves it; the runtime is not touched.",
    rollout=True,
)
LVS003 = CheckInfo(
    "LVS003",
    "a rule is saved, but does not run",
    Severity.ERROR,
    "Somebody flushed or deleted the running rule, or saved one without loading it. Packets are"
    " treated otherwise than the files say until the next reboot or reload.",
    "lvsfleet rollout --limit ROUTER brings running and saved together, without a reload, which"
    " would cost packets.",
    rollout=True,
)
LVS004 = CheckInfo(
    "LVS004",
    "a mark rule that no service has",
    Severity.WARNING,
    "A rule gives a mark to packets that no service in the inventory is about: left behind by a"
    " service that is gone, or typed for one that was never described. The inventory is then not"
    " the whole truth, and a mark can meet a virtual server that was meant for something else.",
    "Describe it as a service, or delete it with the command in the hint. Rules that lvsfleet wrote"
    " itself go with the next rollout.",
    rollout=True,
)
LVS005 = CheckInfo(
    "LVS005",
    "two rules mark one VIP and port differently",
    Severity.ERROR,
    "A packet has one mark; the rule that sets it last wins. In iptables that is the later line, in"
    " nftables the later chain and in firewalld the rule that was added last, until a reload loads"
    " them in another order. So a service may work until the next reload.",
    "Delete the rule that is wrong, or give the service its mark in the inventory; lvsfleet changes"
    " nothing on a router before that is decided.",
)
LVS006 = CheckInfo(
    "LVS006",
    "a masked mark, which firewalld gets wrong",
    Severity.ERROR,
    "With its nftables backend firewalld computes a mark with a mask wrongly (its issue 1564:"
    " 0xaa03 with set=0x15/0xff gives 0x16). IPVS compares all 32 bits, so such a packet finds"
    " no virtual server.",
    "Write the mark without a mask: mark set=80.",
)
LVS007 = CheckInfo(
    "LVS007",
    "the rules cannot be compared with the inventory",
    Severity.ERROR,
    "Something on the router stands in the way of finding out whether its rules are right, such"
    " as a zone that does not exist or a file that cannot be read. Nothing is known of its marks"
    " then.",
    "Do what the hint says, and check again.",
)
LVS015 = CheckInfo(
    "LVS015",
    "somebody sets marks after lvsfleet does",
    Severity.WARNING,
    "A chain behind lvsfleet's sets the mark of packets, and it is not clear of which. Whoever sets"
    " it last wins, so marks may be lost.",
    "See that the rule leaves the packets of the services alone, or that its chain comes earlier.",
)
LVS018 = CheckInfo(
    "LVS018",
    "an equal rule stays where somebody typed it",
    Severity.INFO,
    "rollout --adopt moves rules that do what the inventory says into lvsfleet's own table: where"
    " they run and in the file that loads them at boot, or not at all. This one cannot be moved.",
    "Nothing needs to be done: it counts as present. To move it, delete it by hand where it runs"
    " and in its file, and roll out.",
)
