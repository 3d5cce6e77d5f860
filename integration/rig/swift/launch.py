"""Runs one of Swift's programs: launch.py SWIFT_CONF PROGRAM PROGRAM_CONF.

Swift reads swift.conf from /etc/swift, whatever its configuration says, so that
all servers of a machine would share one set of limits and storage policies.
Here each rig has its own.
"""
import sys

import swift.common.utils

swift.common.utils.SWIFT_CONF_FILE = sys.argv[1]
program, conf = sys.argv[2:4]

if program == "object-updater":
    from swift.common.daemon import run_daemon
    from swift.obj.updater import ObjectUpdater
    run_daemon(ObjectUpdater, conf, once=True, verbose=True)
elif program == "container-updater":
    from swift.common.daemon import run_daemon
    from swift.container.updater import ContainerUpdater
    run_daemon(ContainerUpdater, conf, once=True, verbose=True)
else:
    from swift.common.wsgi import run_wsgi
    options = {"verbose": True}  # log to standard error, there is no syslog
    if program == "object-server":
        from swift.obj import server
        options["global_conf_callback"] = server.global_conf_callback
    sys.exit(run_wsgi(conf, program, **options))
