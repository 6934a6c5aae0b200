"""The methods that `evaluate` compares, by name. A method's own module imports `base`, never the registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fusionlog.methods.ablations.small_models import adversarial, gru_source_only, mldg
from fusionlog.methods.alpha.method import alpha
from fusionlog.methods.base import Method, MethodContext
from fusionlog.methods.baselines import Plain, all_anomalous, keyword_grep, nearest_neighbour, new_event
from fusionlog.methods.fusionlog import fusionlog, fusionlog_online
from fusionlog.methods.generallog import general_log
from fusionlog.methods.llm_only import llm_only
from fusionlog.methods.meta_protonet.method import maml, protonet
from fusionlog.methods.offline import offline
from fusionlog.methods.source_only import source_only

__all__ = ["METHODS", "WITHOUT_LLM", "Method", "MethodContext"]

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "fusionlog": fusionlog,
        "fusionlog+online": fusionlog_online,
        "all-anomalous": Plain(all_anomalous),
        "keyword": Plain(keyword_grep),
        "new-event": Plain(new_event),
        "nearest-neighbour": Plain(nearest_neighbour),
        "source-only": source_only,
        "llm-only": llm_only,
        "generallog": general_log,
        "alpha": alpha,
        "offline": offline,
        "maml": maml,
        "protonet": protonet,
        "adversarial": adversarial,
        "mldg": mldg,
        "gru-source-only": gru_source_only,
    }
)

WITHOUT_LLM = frozenset({"offline", "maml", "protonet"})
"""The methods whose teacher is always the offline labeller, even where an endpoint or recorded verdicts exist."""
