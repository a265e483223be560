"""What somebody looks for now and then, in the background: one loop for all who do."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from usance.platform.database import CONNECTION_LOST
from usance.platform.logs import get_logger

logger = get_logger(__name__)


class Looks:
    """Looks every so many seconds, until stopped; an accident ends a look, not the looking."""

    every_seconds: ClassVar[float]
    patience: ClassVar[float] = 0
    """Seconds that a look under way has to come to its end, once it is told to stop."""
    _looking: asyncio.Task[None] | None = None
    _stopping = False

    async def look(self) -> object:
        """Do whatever is to be done now."""
        raise NotImplementedError

    def start(self) -> None:
        """Look now and then, until stopped."""
        self._stopping = False
        self._looking = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Look no more; what was begun is finished or left as it was."""
        self._stopping = True
        if self._looking is not None:
            if self.patience:
                await asyncio.wait([self._looking], timeout=self.patience)
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None

    async def _loop(self) -> None:
        who = type(self).__name__
        while not self._stopping:
            try:
                await self.look()
            except CONNECTION_LOST as error:
                logger.warning("database not reachable", extra={"who": who, "reason": str(error)})
            except Exception:
                logger.exception("a look failed", extra={"who": who})
            if not self._stopping:
                await asyncio.sleep(self.every_seconds)
