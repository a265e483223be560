"""``usance sandbox``: a provider of messages and a credit bureau that behave like real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from usance.cli.house import run

if TYPE_CHECKING:
    from usance.notices.sandbox import Manners
    from usance.notices.sandbox_server import Answers


def messages(
    *, port: int = 8025, host: str = "127.0.0.1", token: str = "sandbox",  # noqa: S107
    manners: Literal["calm", "rough"] = "calm", seed: int = 0, speed: float = 1.0,
    receipts_to: str = "", name: str = "sandbox", secret: str = "",
) -> None:  # fmt: skip
    """Serve a provider of text messages, e-mail and calls; what it did is at /sandbox/log.

    Parameters
    ----------
    port
        The port to listen on.
    host
        The address to listen on.
    token
        What it is asked with.
    manners
        Calm answers at once; rough is slow, busy, breaks, and says things twice.
    seed
        The same seed treats the same messages alike.
    speed
        Seconds of its clock in one of ours: outages and late receipts are over sooner.
    receipts_to
        Where usance is served, such as http://127.0.0.1:8000; without it nothing is told.
    name
        How usance calls this provider.
    secret
        What its receipts are signed with.
    """
    import msgspec

    from usance.core.refusals import Refused
    from usance.notices.sandbox import CALM, ROUGH

    if speed <= 0:
        raise Refused("R-RANGE-01", "the speed is above 0", "--speed")
    chosen = ROUGH if manners == "rough" else CALM
    played = msgspec.structs.replace(chosen, seed=seed)
    run(_serve(host, port, token, played, speed, (receipts_to, name, secret)))


async def _serve(
    host: str, port: int, token: str, manners: Manners, speed: float,
    receipts: tuple[str, str, str],
) -> None:  # fmt: skip
    from usance.notices.sandbox_receipts import Reporter
    from usance.notices.sandbox_server import Server
    from usance.platform.clock import SystemClock

    to, name, secret = receipts
    reporter = Reporter(to, name, secret, SystemClock()) if to else None
    server = Server(token, manners, speed=speed, reporter=reporter)
    await _until_stopped(server, host, port, "a provider that sends nothing")


def bureau(
    *, port: int = 8026, host: str = "127.0.0.1", token: str = "sandbox",  # noqa: S107
    manners: Literal["calm", "rough"] = "calm", currency: str = "CNY",
) -> None:  # fmt: skip
    """Serve a credit bureau that invents what it says, the same of the same person.

    Parameters
    ----------
    port
        The port to listen on.
    host
        The address to listen on.
    token
        What it is asked with.
    manners
        Calm answers at once; rough is slow, busy, away and silent.
    currency
        Of what it says that people pay.
    """
    from usance.core.money import DECIMALS
    from usance.core.refusals import Refused
    from usance.risk.sandbox_bureau import CALM, ROUGH, SandboxBureau

    if currency not in DECIMALS:
        raise Refused("R-RANGE-01", f"a currency is one of {', '.join(DECIMALS)}", "--currency")
    chosen = ROUGH if manners == "rough" else CALM
    server = SandboxBureau(token, chosen, currency=currency)
    run(_until_stopped(server, host, port, "a credit bureau that knows nobody"))


async def _until_stopped(server: Answers, host: str, port: int, what: str) -> None:
    from usance.cli.webhooks import told_to_stop
    from usance.notices.sandbox_server import serving

    def tell(address: str) -> None:
        print(f"{what}: {address}", flush=True)

    async with serving(server, host, port, told=tell):
        await told_to_stop()
