"""GeneralLog (arXiv 2511.05882) on a fold: the sources' model for general windows, the teacher for proprietary ones."""

from __future__ import annotations

from fusionlog.methods.base import MethodContext
from fusionlog.methods.no_adaptation import run_without_adaptation
from fusionlog.methods.protocol import Fold, Result


async def general_log(fold: Fold, context: MethodContext) -> Result:
    """The sources' model labels windows with S >= tau, the teacher the others at inference time.

    Nothing is trained on the answers, but each shape costs one query: the label memory stands for the paper's
    retrieval.
    """
    return await run_without_adaptation(fold, context, "generallog", context.base())
