"""The composition root of the agent's core process: builds every part from the configuration and runs them under the supervisor."""

import asyncio
import contextlib
import logging
import os
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_agent import alarms, breath, channels, clock
from edge_agent.async_journal import AsyncJournal
from edge_agent.breath import BreathTests
from edge_agent.commands import Commands
from edge_agent.config import Config
from edge_agent.contacts import ContactDesk
from edge_agent.disk_alarms import disk_rules
from edge_agent.disk_guard import DiskGuard
from edge_agent.documents import open_documents
from edge_agent.errors import AgentError
from edge_agent.family import Family, children_of, down_rules
from edge_agent.handoff import Done, HandoffServer
from edge_agent.health import Reports
from edge_agent.journal import AckOutcome, Journal
from edge_agent.keys import BROKER_PASSWORD, CENTRAL_TOKEN, AgentKey, CentreKey
from edge_agent.panel import Panel
from edge_agent.poller import Poller, ReadingsBuffer
from edge_agent.quota import MB, DiskQuota
from edge_agent.relays import RelayDesk
from edge_agent.restore import Restorer, ask_centre
from edge_agent.room import RoomWires, SimCameras, gpio_errors, room_wires
from edge_agent.settings import Settings
from edge_agent.supervisor import Supervisor
from sensors.neighbours import Neighbours
from sensors.registry import build_contact, build_output, build_sensor

log = logging.getLogger(__name__)


def run(config: Config) -> int:
    """Run the agent until SIGTERM or Ctrl-C; 0 when it was asked to stop, 1 when it could not start or go on."""
    os.umask(0o077)
    try:
        config.data.mkdir(parents=True, exist_ok=True)
        asyncio.run(_run(config))
    except (AgentError, OSError) as error:
        log.error("the agent cannot run: %s", error)
        return 1
    return 0


async def _run(config: Config) -> None:
    async with contextlib.AsyncExitStack() as stack:
        centre = _centre_key(config)
        key = AgentKey.load_or_create(config.data / "key")
        opened = Journal.open(config.data / "journal.db", site=config.site, agent=config.name, key=key, centre=centre)
        journal = AsyncJournal(opened)
        stack.push_async_callback(journal.close)
        wires = await room_wires(config, stack)
        agent = Agent(config, journal=journal, wires=wires, centre=centre, stack=stack)
        log.info("%s/%s starts; its public key is %s", config.site, config.name, key.public_base64)
        await agent.run()


def _centre_key(config: Config) -> CentreKey | None:
    if config.central is None or not config.central["public_key_file"]:
        log.warning("no [central] public_key_file: no acknowledgement or command is believed, so nothing is ever pruned")
        return None
    return CentreKey.load(Path(config.central["public_key_file"]))


class Agent:
    """The core: everything that must go on when cameras, benches, network and centre do not."""

    def __init__(
        self,
        config: Config,
        *,
        journal: AsyncJournal,
        wires: RoomWires,
        centre: CentreKey | None,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        """`stack` closes what is opened here, in reverse order."""
        self.config = config
        self.journal = journal
        self.wires = wires
        self.supervisor = Supervisor()
        self.children = children_of(config)
        self.pollers: dict[str, Poller] = {}
        self.neighbours: dict[str, Neighbours] = {}  # by room
        self.output_faults: dict[str, str] = {}
        self.link: Any = None
        self._centre = centre
        note = journal.journal.memory.note
        self.breath = BreathTests(config, journal=journal, saved=note(breath.NOTE))
        self.documents = open_documents(config.data / "documents.json", listener=self._document_changed)
        stack.callback(self.documents.close)
        self.settings = Settings(config, self.documents)
        outputs = self._outputs()
        relays = {name: output for name, output in outputs.items() if config.outputs[name].driver == "gpio_relay"}
        for relay in relays.values():
            stack.callback(relay.close)
        self.panel = Panel({name: output for name, output in outputs.items() if name not in relays})
        stack.callback(self.panel.close)
        limits, unfit = self.settings.rules()
        self.desk = alarms.AlarmDesk(
            [*alarms.rules_of(config, limits), *disk_rules(config.name), *down_rules(config)],
            journal=journal,
            panel=self.panel,
            agent=config.name,
            room=config.room,
            saved=note(alarms.NOTE),
            unfit=unfit,
        )
        self._quieten()
        self.relays = RelayDesk(config, relays, journal=journal, desk=self.desk)
        self.handoff = HandoffServer(config.data / "core.sock", journal)
        self.handoff.handle("probe", self._probe)
        self.handoff.handle("breathe", self._breathed)
        self.handoff.handle("status", self._status)
        self.family = Family(self.handoff, self.desk, self.supervisor, online=lambda: self.online)
        quota = DiskQuota(
            config.data,
            quota_bytes=config.agent["quota_mb"] * MB,
            reserve_bytes=config.agent["events_reserve_mb"] * MB,
            inner_free=journal.journal.free_bytes,
        )
        self.disk = DiskGuard(quota, journal, on_level=self.family.disk_level, keep_house=self._keep_house)
        self.contacts = ContactDesk(
            {name: contact["kind"] for name, contact in config.contacts.items()},
            watched=frozenset(contact for camera in config.cameras.values() for contact in camera["contacts"]),
            journal=journal,
            desk=self.desk,
            agent=config.name,
            room=config.room,
            on_errand=self.handoff.errand,
            on_mains_failure=self._mains_failed,
        )
        self.restorer = self._restorer()
        self.channels = channels.Channels(journal=journal, agent=config.name, room=config.room, saved=note(channels.NOTE))
        self.buffer = ReadingsBuffer(journal)
        self.reports = Reports(config, journal=journal, facts=self.facts, settings=self._facts_of_settings)
        self.commands = Commands(
            desk=self.desk,
            panel=self.panel,
            relays=self.relays,
            documents=self.documents,
            settings=self.settings,
            apply=self._apply,
            sensors=lambda: {name: poller.sensor for name, poller in self.pollers.items()},
            benches=tuple(config.benches),
            cameras=tuple(config.cameras),
            channels=lambda: self.channels.known,
            request=self.handoff.request,
            tell_config=self.reports.tell_config,
            agent=config.name,
        )

    async def run(self) -> None:
        """Declare clock, health and configuration, then run every job until told to stop; JournalDamaged if the journal broke meanwhile."""
        self.journal.on_damage(self.supervisor.stop)
        await self.handoff.start()
        try:
            await self.reports.begin()
            if self.restorer is not None:
                await self.restorer.begin()
            self._jobs()
            await self.supervisor.run()
        finally:
            await self.handoff.close()
        if self.journal.damage is not None:
            raise self.journal.damage

    def _jobs(self) -> None:
        """Every job in the order of its start; they end in reverse, so that children still reach the core, and it its journal."""
        add, config = self.supervisor.add, self.config
        if self.restorer is not None:
            add("documents", self.restorer.run)
        add("readings", self.buffer.run)
        add("alarms", self.desk.run)
        if any(device.driver == "gpio_relay" for device in config.outputs.values()):
            add("relays", self.relays.run)
        add("reports", self.reports.run)
        add("disk", self.disk.run)
        add("contacts", self.contacts.run)
        for name in config.contacts:
            add(f"contact:{name}", partial(self._contact, name))
        for name in config.sensors:
            add(f"sensor:{name}", partial(self._sensor, name))
        if config.broker is not None:
            self._link_jobs()
        if any(camera.sim for camera in config.cameras.values()):
            cameras = SimCameras(config)
            self.contacts.on_state(cameras.contact)
            add("simulated cameras", cameras.run)
        add("watch", partial(self.family.watch, self.children))
        for name, child in self.children.items():
            add(name, child)

    def _link_jobs(self) -> None:
        from edge_agent.link import BrokerAddress, Link  # paho is loaded only where there is a broker

        broker, central = self.config.broker, self.config.central
        assert broker is not None  # noqa: S101 - the caller has looked
        address = BrokerAddress(
            broker["host"], broker["port"], _secret_path(broker["password_file"], BROKER_PASSWORD), _path(broker["tls_ca"])
        )
        uploader = None
        token = self._token()
        if central is not None and token is not None:
            from edge_agent.uploader import CentreAddress, Uploader

            uploader = Uploader(self.journal.journal, centre=CentreAddress(central["url"], token, _path(central["tls_ca"])))

        def outcome(_lane: str, what: AckOutcome) -> None:
            if uploader is not None and what is AckOutcome.ADVANCED:
                uploader.notify()  # files go out once the centre has their record

        link = Link(
            self.journal,
            broker=address,
            centre=self._centre,
            status=self._status_message,
            on_command=self._command,
            on_outcome=outcome,
        )
        self.link = link
        self.desk.on_change(link.publish_status)
        self.supervisor.add("link", link.run)
        if uploader is not None:
            self.supervisor.add("uploader", lambda: _threads(uploader))

    # -- devices

    def _outputs(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, device in self.config.outputs.items():
            try:
                made[name] = build_output(device.driver, name, device.driver_options, wires=self.wires.of(device))
            except gpio_errors() as error:
                self.output_faults[name] = str(error) or type(error).__name__
                log.error("output %s does not work: %s", name, self.output_faults[name])
        return made

    async def _contact(self, name: str) -> None:
        device = self.config.contacts[name]

        def changed(state: str, t: int, m: int) -> None:
            self.contacts.changed(name, state, t, m)

        contact = build_contact(device.driver, name, device.driver_options, wires=self.wires.of(device), on_change=changed)
        try:
            await asyncio.Event().wait()
        finally:
            contact.close()

    async def _sensor(self, name: str) -> None:
        device, agent = self.config.sensors[name], self.config.agent
        taken = await self.buffer.taken(name)
        sensor = build_sensor(device.driver, name, device.driver_options, wires=self.wires.of(device), taken=taken)
        neighbours = self.neighbours.setdefault(self.settings.room(name), Neighbours())
        poller = Poller(
            name,
            sensor,
            checkers=lambda quantity: checker_for(sensor, quantity, device.driver_options, neighbours=neighbours),
            channels=self.channels,
            desk=self.desk,
            buffer=self.buffer,
            calibration=self.settings.calibration,
            agent=self.config.name,
            sample_s=device["sample_s"] or agent["sample_s"],
            report_s=device["report_s"] or agent["report_s"],
            room=self.settings.room(name),
        )
        self.pollers[name] = poller
        try:
            await poller.run()
        finally:
            await sensor.close()

    def _restorer(self) -> Restorer | None:
        central = self.config.central
        token = self._token()
        if central is None or token is None:
            return None
        return Restorer(
            self.documents,
            ask=partial(ask_centre, central["url"], agent=self.config.name, token_file=token, tls_ca=_path(central["tls_ca"])),
            benches=tuple(self.config.benches),
            request=self.handoff.request,
            settings=self.settings,
            apply=self._apply,
        )

    def _token(self) -> Path | None:
        central = self.config.central
        return None if central is None else _secret_path(central["token_file"], CENTRAL_TOKEN)

    # -- what was set

    def _document_changed(self, *_: Any) -> None:
        self.settings.changed()
        self.reports.config_changed()

    def _facts_of_settings(self) -> dict[str, Any]:
        told = self.settings.facts(settled=self.restorer is None or self.documents.begun)
        return {**told, "breath": self.breath.facts()}

    def _quieten(self) -> None:
        self.desk.set_works([(work["from"], work["to"]) for work in self.settings.works()])
        self.desk.set_calendar(self.settings.calendar())

    async def _apply(self) -> None:
        """Put limits, works and calendar into force as they are set now."""
        rules, unfit = self.settings.rules()
        self._quieten()
        await self.desk.set_limits(rules, unfit=unfit)

    async def _mains_failed(self) -> None:
        """Bring everything that waits in memory to the disk, while there is power."""
        await self.buffer.flush()
        await self.desk.flush()
        await self.desk.save(history=True)

    # -- the disk

    def _keep_house(self) -> None:
        """Delete what was acknowledged long enough ago; runs in a thread."""
        days, journal = self.config.agent["keep_acked_days"], self.journal.journal
        journal.files.delete_kept(root=self.config.data, keep_days=days, now_ms=clock.wall_ms())
        journal.prune(days)

    # -- what others ask

    async def _command(self, command: dict[str, Any]) -> Done:
        return await self.commands.do(command)

    async def _probe(self, _message: dict[str, Any]) -> dict[str, Any]:
        return {"rows": self.rows()}

    async def _breathed(self, message: dict[str, Any]) -> dict[str, Any]:
        told = await self.breath.record(message)
        self.reports.config_changed()
        return told

    async def _status(self, _message: dict[str, Any]) -> dict[str, Any]:
        return {"facts": self.facts(), "alarms": self.desk.rules.open_alarms(), "light": self.desk.rules.light(clock.wall_ms())[0]}

    def _status_message(self) -> dict[str, Any]:
        return {"boot": clock.boot_id(), "version": version("muniment"), "alarms": self.desk.rules.open_alarms()[:100]}

    def rows(self) -> list[dict[str, Any]]:
        """The probe's rows: sensors, contacts, outputs, children."""
        found: list[dict[str, Any]] = []
        for name in self.config.sensors:
            why = str(self.supervisor.facts().get(f"sensor:{name}", {}).get("why") or "not running")
            poller = self.pollers.get(name)
            rows = poller.rows() if poller else [{"device": name, "what": "sensor", "ok": False, "why": why}]
            found += [{**row, "note": self.breath.note(name) or row.get("note", "")} for row in rows]
        found += self.contacts.rows(clock.boot_ms())
        states = {**self.panel.states(), **self.relays.states()}
        for name, device in self.config.outputs.items():
            fault = self.output_faults.get(name, "")
            found.append({"device": name, "what": device.driver, "value": states.get(name), "ok": not fault, "why": fault})
        for name in self.config.cameras:
            state = self.family.cameras.get(name)
            why = "" if state == "recording" else "the recorder has told nothing of it yet" if state is None else f"it is {state}"
            found.append({"device": name, "what": "camera", "value": state, "ok": state == "recording", "why": why})
        connected = self.handoff.children
        for name in self.children:
            up = name in connected
            found.append(
                {"device": name, "what": "process", "value": "up" if up else "down", "ok": up, "why": "" if up else "not connected"}
            )
        return found

    @property
    def online(self) -> bool:
        """Whether the broker is connected."""
        return self.link is not None and bool(self.link.online)

    def facts(self) -> dict[str, Any]:
        """What health records say beside memory, disk and clock."""
        epoch, lanes = self.journal.journal.snapshot()
        return {
            "version": version("muniment"),
            "epoch": epoch,
            "lanes": {
                name: {"last": lane.last_seq, "acknowledged": lane.acked_seq, "held": self.journal.held(name)}
                for name, lane in lanes.items()
            },
            "link": self.online,
            "messages": {} if self.link is None else asdict(self.link.counters),
            "malformed": self.handoff.malformed,
            "jobs": {name: job for name, job in self.supervisor.facts().items() if job["restarts"]},
            "children": self.handoff.children,
            "samples": {name: poller.samples for name, poller in self.pollers.items()},
            "contacts": {"changes": self.contacts.changes, "dropped": self.contacts.dropped},
            "alarms": len(self.desk.rules.open_alarms()),
            "outputs": self.output_faults,
            "relays": self.relays.facts(),
            "limits_blind": self.desk.rules.blind(clock.boot_ms()),
        }


def checker_for(sensor: Any, quantity: str, options: Any, *, neighbours: Neighbours) -> Any:
    """The checker of one of a sensor's channels; neighbours: what all sensors of its room share."""
    from sensors.validation import Validator

    channel = next(channel for channel in sensor.channels if channel.quantity == quantity)
    return Validator(channel, options, sensor=sensor.name, neighbours=neighbours)


async def _threads(uploader: Any) -> None:
    """Run the uploader's threads until cancelled."""
    uploader.start()
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.to_thread(uploader.close)


def _secret_path(text: str | None, variable: str) -> Path | None:
    """The file of a secret; where only the environment holds it, a name that stands for that."""
    return Path(text) if text else Path(f"${variable}") if os.environ.get(variable) else None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
