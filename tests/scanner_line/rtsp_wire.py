"""A network camera's wire: a real RTSP server of GStreamer's, showing one colour. Run by the system's Python, which has `gi`.

Prints its address; each line on standard input is a colour (AARRGGBB in hex), answered with `ok` once the source shows it.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc name=src is-live=true pattern=solid-color foreground-color=0xff{colour} "
    "! video/x-raw,width=640,height=480,framerate=20/1 ! videoconvert "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bframes=0 ! rtph264pay name=pay0 pt=96 )"
)


def main() -> None:
    Gst.init(None)
    colour = sys.argv[2]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE.format(colour=colour))
    factory.set_shared(True)
    found = {}
    factory.connect("media-configure", lambda _, media: found.update(src=media.get_element().get_by_name("src")))
    server.get_mount_points().add_factory("/page", factory)
    server.attach(None)
    loop = GLib.MainLoop()

    def obey() -> None:
        for line in sys.stdin:
            if "src" in found:
                found["src"].set_property("foreground-color", int("ff" + line.strip(), 16))
            print("ok", flush=True)
        loop.quit()

    print(f"rtsp://127.0.0.1:{server.get_bound_port()}/page", flush=True)
    threading.Thread(target=obey, daemon=True).start()
    loop.run()


main()
