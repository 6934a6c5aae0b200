"""Lines as the software writes them, of several versions and configurations each."""

from typing import get_args

import pytest

from fusionlog.parsing.headers import Header
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.presets import PRESETS
from fusionlog.parsing.regex_invariance import DIGITS, is_invariant
from fusionlog.settings import FormatName, IngestSettings, SystemSettings

Case = tuple[str, str, str | None, str | None, str | None]
"""A line; its content, component, level and time."""

LINES: dict[FormatName, list[Case]] = {
    "klog": [
        ('I0304 10:11:12.003456       1 controller.go:116] "Starting controller" name="jobs"',
         '"Starting controller" name="jobs"', "controller.go", "I", "0304 10:11:12.003456"),
        ("E0304 10:11:12.003456   12345 reflector.go:138] k8s.io/client-go@v0.22.2/tools/cache: Failed to watch",
         "k8s.io/client-go@v0.22.2/tools/cache: Failed to watch", "reflector.go", "E", "0304 10:11:12.003456"),
        ("W20260304 10:11:12.003456 140 rpc_server.cc:77] Server shut down", "Server shut down", "rpc_server.cc", "W",
         "20260304 10:11:12.003456"),
        ("F0304 10:11:12.003456       7 /go/src/app/main.go:9] cannot bind", "cannot bind", "/go/src/app/main.go", "F",
         "0304 10:11:12.003456"),
    ],
    "logfmt": [
        ('ts=2026-03-04T10:11:12Z level=info logger=store msg="order accepted" id=7', "order accepted", "store", "info",
         "2026-03-04T10:11:12Z"),
        ('time="2026-03-04T10:11:12Z" level=warning msg="quoted \\"word\\" in it"', 'quoted "word" in it', None, "warning",
         "2026-03-04T10:11:12Z"),
        ('ts=2026-03-04T10:11:12.003Z caller=main.go:512 level=error component=rules msg="Evaluating rule failed" err="x"',
         "Evaluating rule failed", "rules", "error", "2026-03-04T10:11:12.003Z"),
        ("at=info method=GET path=/cart host=shop.example status=200 bytes=12",
         "at=info method=GET path=/cart host=shop.example status=200 bytes=12", None, None, None),
        ("level=info msg=started", "started", None, "info", None),
        ("time=2026-03-04T10:11:12.003+01:00 level=INFO source=/app/main.go:9 msg=started port=80", "started", None,
         "INFO", "2026-03-04T10:11:12.003+01:00"),
        ('level=error msg="" err="no such file"', "no such file", None, "error", None),
    ],
    "spring": [
        ("2026-03-04 10:11:12.001  INFO 4711 --- [           main] c.e.ShopApplication                      : Started",
         "Started", "c.e.ShopApplication", "INFO", "2026-03-04 10:11:12.001"),
        ("2026-03-04T10:11:12.001+01:00  INFO 4711 --- [nio-8080-exec-1] s.e.Orders                   : Order 7: taken",
         "Order 7: taken", "s.e.Orders", "INFO", "2026-03-04T10:11:12.001+01:00"),
        ("2026-03-04T10:11:12.001Z ERROR 1 --- [shop] [ad | producer-1] o.a.k.Producer : Expiring 3 records",
         "Expiring 3 records", "o.a.k.Producer", "ERROR", "2026-03-04T10:11:12.001Z"),
        ("2026-03-04T10:11:12.001Z  WARN 1 --- [shop] [exec-1] [803b448a0489f84084905d3093480352-3425f23bb2432450] "
         "s.e.Orders : late", "late", "s.e.Orders", "WARN", "2026-03-04T10:11:12.001Z"),
        ("2026-03-04T10:11:12.001Z  INFO 1 --- [shop] [main] [                                                 ] "
         "s.e.Orders : early", "early", "s.e.Orders", "INFO", "2026-03-04T10:11:12.001Z"),
        ("2026-03-04T10:11:12.001Z  INFO 1 --- [main] [803b448a0489f84084905d3093480352-3425f23bb2432450] s.e.O : x",
         "x", "s.e.O", "INFO", "2026-03-04T10:11:12.001Z"),
        ("2018-04-10 10:11:12.001  INFO [shop,5d9073b19f9042c1,5d9073b19f9042c1,true] 7 --- [exec-1] s.e.Orders : x",
         "x", "s.e.Orders", "INFO", "2018-04-10 10:11:12.001"),
        ("2018-04-10 10:11:12.001  INFO [shop,,,] 7 --- [exec-1] s.e.Orders : x", "x", "s.e.Orders", "INFO",
         "2018-04-10 10:11:12.001"),
        ("2026-03-04 10:11:12.001  INFO 7 --- [main] o.a.c.c.C.[Tomcat].[localhost].[/]       : Initializing Spring",
         "Initializing Spring", "o.a.c.c.C.[Tomcat].[localhost].[/]", "INFO", "2026-03-04 10:11:12.001"),
        ("2026-03-04 10:11:12.001 DEBUG 7 --- [] s.e.Orders : ", None, "s.e.Orders", "DEBUG", "2026-03-04 10:11:12.001"),
        ("2026-03-04 10:11:12.001 ERROR 7 --- [main] s.e.Orders : failed\njava.lang.X: no\n\tat a.b(C.java:1)",
         "failed\njava.lang.X: no\n\tat a.b(C.java:1)", "s.e.Orders", "ERROR", "2026-03-04 10:11:12.001"),
    ],
    "log4j": [
        ("0    [main] INFO  MyApp  - Entering application.", "Entering application.", "MyApp", "INFO", "0"),
        ("10:11:12.003 [main] ERROR com.foo.Bar - Did it again!", "Did it again!", "com.foo.Bar", "ERROR", "10:11:12.003"),
        ("10:11:12.003 [main] INFO com.foo.Bar -- Started", "Started", "com.foo.Bar", "INFO", "10:11:12.003"),
        ("2026-03-04 10:11:12,003 INFO  [main] org.example.Orders - Order 7", "Order 7", "org.example.Orders", "INFO",
         "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003 [pool-1 thread-2] WARN  org.example.Orders - late", "late", "org.example.Orders",
         "WARN", "2026-03-04 10:11:12,003"),
        ("2015-10-17 15:37:56,547 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster",
         "Created MRAppMaster", "org.apache.hadoop.mapreduce.v2.app.MRAppMaster", "INFO", "2015-10-17 15:37:56,547"),
        ("2026-03-04 10:11:12,003 INFO org.apache.hadoop.hdfs.server.datanode.DataNode: Receiving BP-1:blk_2",
         "Receiving BP-1:blk_2", "org.apache.hadoop.hdfs.server.datanode.DataNode", "INFO", "2026-03-04 10:11:12,003"),
        ("[2026-03-04 10:11:12,003] INFO [Broker id=1] Leader t-0 (state.change.logger)", "[Broker id=1] Leader t-0",
         "state.change.logger", "INFO", "2026-03-04 10:11:12,003"),
        ("[2026-03-04 10:11:12,003] ERROR failed (kafka.Log)\njava.io.IOException: No space", "failed (kafka.Log)\n"
         "java.io.IOException: No space", None, "ERROR", "2026-03-04 10:11:12,003"),
        ("2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@774] - Notification",
         "Notification", "FastLeaderElection", "INFO", "2015-07-29 17:41:44,747"),
        ("17/06/09 20:10:40 INFO executor.CoarseGrainedExecutorBackend: Registered signal handlers",
         "Registered signal handlers", "executor.CoarseGrainedExecutorBackend", "INFO", "17/06/09 20:10:40"),
        ("[2026-03-04T10:11:12,003][INFO ][o.e.n.Node               ] [node-1] started", "[node-1] started", "o.e.n.Node",
         "INFO", "2026-03-04T10:11:12,003"),
        ("04-Mar-2026 10:11:12.003 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in 9 ms",
         "Server startup in 9 ms", "org.apache.catalina.startup.Catalina.start", "INFO", "04-Mar-2026 10:11:12.003"),
        ("10:11:12,003 INFO  [org.jboss.as] (Controller Boot Thread) WFLYSRV0025: WildFly started",
         "WFLYSRV0025: WildFly started", "org.jboss.as", "INFO", "10:11:12,003"),
        ("06 Nov 1994 15:49:37,459 DEBUG [main] com.foo.Bar - Hello", "Hello", "com.foo.Bar", "DEBUG",
         "06 Nov 1994 15:49:37,459"),
        ("[INFO ] 2026-03-04 10:11:12.003 [main] App - Started", "Started", "App", "INFO", "2026-03-04 10:11:12.003"),
        ("2026-03-04 10:11:12 INFO  Orders:46 - Order 7", "Order 7", "Orders", "INFO", "2026-03-04 10:11:12"),
        ("INFO  [main] org.example.Orders - Order 7", "Order 7", "org.example.Orders", "INFO", None),
        ("081109 203518 143 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_3 terminating",
         "PacketResponder 1 for block blk_3 terminating", "dfs.DataNode$PacketResponder", "INFO", "081109 203518"),
        ("2026-03-04 10:11:12,003 WARN  [RS_CLOSE-regionserver/h1:16020-0] regionserver.HRegion: Failed",
         "Failed", "regionserver.HRegion", "WARN", "2026-03-04 10:11:12,003"),
    ],
    "python": [
        ("WARNING:root:disk almost full", "disk almost full", "root", "WARNING", None),
        ("2026-03-04 10:11:12,003 - shop.orders - INFO - Order 7", "Order 7", "shop.orders", "INFO",
         "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003 INFO shop.orders: Order 7", "Order 7", "shop.orders", "INFO", "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003 [ERROR] shop.orders: no", "no", "shop.orders", "ERROR", "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003 - INFO - Order 7 taken", "Order 7 taken", None, "INFO", "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003 INFO Order 7 taken", "Order 7 taken", None, "INFO", "2026-03-04 10:11:12,003"),
        ("2026-03-04 10:11:12,003:DEBUG:shop.orders:Order 7", "Order 7", "shop.orders", "DEBUG",
         "2026-03-04 10:11:12,003"),
        ("INFO:     127.0.0.1:53212 - \"GET /cart HTTP/1.1\" 200 OK", '"GET /cart HTTP/1.1" 200 OK', None, "INFO", None),
        ("INFO:     Application startup complete.", "Application startup complete.", None, "INFO", None),
        ("[2026-03-04 10:11:12 +0000] [7] [INFO] Booting worker with pid: 9", "Booting worker with pid: 9", None, "INFO",
         "2026-03-04 10:11:12 +0000"),
        ("[2026-03-04 10:11:12,003: INFO/MainProcess] Task shop.pay[1] received", "Task shop.pay[1] received", None,
         "INFO", "2026-03-04 10:11:12,003"),
        ("[2026-03-04 10:11:12,003] ERROR in app: Exception on /cart [GET]", "Exception on /cart [GET]", "app", "ERROR",
         "2026-03-04 10:11:12,003"),
        ("[2026-03-04, 10:11:12 UTC] x", "[2026-03-04, 10:11:12 UTC] x", None, None, None),
        ("[2026-03-04T10:11:12.003+0000] {taskinstance.py:1083} INFO - Dependencies all met", "Dependencies all met",
         "taskinstance", "INFO", "2026-03-04T10:11:12.003+0000"),
        ("[04/Mar/2026 10:11:12] \"GET /admin/ HTTP/1.1\" 200 2216", '"GET /admin/ HTTP/1.1" 200 2216', None, None,
         "04/Mar/2026 10:11:12"),
        ("2026-03-04 10:11:12.003 | INFO     | shop.orders:take:46 - Order 7", "Order 7", "shop.orders", "INFO",
         "2026-03-04 10:11:12.003"),
        ("2026-03-04 10:11:12.003 1234 INFO nova.compute.manager [req-1 - - -] Took 9 s", "Took 9 s",
         "nova.compute.manager", "INFO", "2026-03-04 10:11:12.003"),
        ("INFO 2026-03-04 10:11:12,003 views 31 140123 Order 7", "Order 7", "views", "INFO", "2026-03-04 10:11:12,003"),
        ("CRITICAL:shop:down", "down", "shop", "CRITICAL", None),
    ],
    "go": [
        ("2026/03/04 10:11:12 order accepted", "order accepted", None, None, "2026/03/04 10:11:12"),
        ("2026/03/04 10:11:12.003456 orders.go:46: order accepted", "order accepted", None, None,
         "2026/03/04 10:11:12.003456"),
        ("shop: 2026/03/04 10:11:12 order accepted", "order accepted", "shop", None, "2026/03/04 10:11:12"),
        ("2026/03/04 10:11:12 INFO order accepted id=7", "order accepted id=7", None, "INFO", "2026/03/04 10:11:12"),
        ("2026-03-04T10:11:12.003Z\tINFO\tshop\torders/take.go:46\torder accepted\t{\"id\": 7}", "order accepted", "shop",
         "INFO", "2026-03-04T10:11:12.003Z"),
        ("2026-03-04T10:11:12.003+0100\terror\torders/take.go:46\tno stock", "no stock", None, "error",
         "2026-03-04T10:11:12.003+0100"),
        ("1.7726e+09\tinfo\tsetup\tstarting manager", "starting manager", "setup", "info", "1.7726e+09"),
        ("time=2026-03-04T10:11:12.003Z level=INFO msg=\"order accepted\" id=7", "order accepted", None, "INFO",
         "2026-03-04T10:11:12.003Z"),
        ("INFO[0012] order accepted                                id=7", "order accepted                                id=7",
         None, "INFO", "0012"),
        ("10:11AM INF order accepted id=7", "order accepted id=7", None, "INF", "10:11AM"),
        ("2026/03/04 10:11:12 [INFO] agent: Synced node info", "Synced node info", "agent", "INFO", "2026/03/04 10:11:12"),
    ],
    "nginx": [
        ('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "GET /cart HTTP/1.1" 200 612 "-" "curl/8.4"',
         '"GET /cart HTTP/1.1" 200 612', None, None, "04/Mar/2026:10:11:12 +0000"),
        ('2001:db8::1 - anna [04/Mar/2026:10:11:12 +0100] "POST /pay?x=1 HTTP/2.0" 502 157 "https://a/" "M (X; Y)" "10.1.1.1" '
         "rt=0.005 uct=\"0.000\" urt=\"0.005\"", '"POST /pay?x=1 HTTP/2.0" 502 157', None, None,
         "04/Mar/2026:10:11:12 +0100"),
        ('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "" 400 0 "-" "-"', '"" 400 0', None, None, "04/Mar/2026:10:11:12 +0000"),
        ('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"', '"\\x16\\x03\\x01" 400 157', None,
         None, "04/Mar/2026:10:11:12 +0000"),
        ('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "GET / HTTP/1.1" 200 6 "-" "c" 12 0.003 [shop-web-80] [] 10.1.0.4:80 6 '
         "0.003 200 5d9073b19f9042c1", '"GET / HTTP/1.1" 200 6', None, None, "04/Mar/2026:10:11:12 +0000"),
    ],
    "nginx-error": [
        ('2026/03/04 10:11:12 [error] 31#32: *99 open() "/srv/x" failed (2: No such file or directory), client: 10.0.0.3, '
         'server: _, request: "GET /x HTTP/1.1", host: "a"', 'open() "/srv/x" failed (2: No such file or directory)', None,
         "error", "2026/03/04 10:11:12"),
        ("2026/03/04 10:11:12 [notice] 1#1: signal 15 (SIGTERM) received, exiting", "signal 15 (SIGTERM) received, exiting",
         None, "notice", "2026/03/04 10:11:12"),
        ("2026/03/04 10:11:12 [emerg] 1#1: host not found in upstream \"shop\" in /etc/nginx/nginx.conf:12",
         'host not found in upstream "shop" in /etc/nginx/nginx.conf:12', None, "emerg", "2026/03/04 10:11:12"),
    ],
    "apache": [
        ('10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "GET /cart HTTP/1.1" 200 -', '"GET /cart HTTP/1.1" 200 -', None, None,
         "04/Mar/2026:10:11:12 +0000"),
        ('10.0.0.3 - anna [04/Mar/2026:10:11:12 +0000] "GET /a\\"b HTTP/1.1" 404 9 "-" "x"', '"GET /a\\"b HTTP/1.1" 404 9',
         None, None, "04/Mar/2026:10:11:12 +0000"),
        ('shop.example:443 10.0.0.3 - - [04/Mar/2026:10:11:12 +0000] "GET / HTTP/1.1" 500 9 "-" "x"',
         '"GET / HTTP/1.1" 500 9', None, None, "04/Mar/2026:10:11:12 +0000"),
        ("[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied by server configuration: /srv",
         "client denied by server configuration: /srv", None, "error", "Wed Oct 11 14:32:52 2000"),
        ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
         "workerEnv.init() ok /etc/httpd/conf/workers2.properties", None, "notice", "Sun Dec 04 04:47:44 2005"),
        ("[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187:1] AH00128: File "
         "does not exist: /x", "AH00128: File does not exist: /x", "core", "error", "Fri Sep 09 10:42:29.902022 2011"),
        ("[Wed Mar 04 10:11:12.003456 2026] [mpm_event:notice] [pid 1:tid 2] AH00489: Apache/2.4.58 configured",
         "AH00489: Apache/2.4.58 configured", "mpm_event", "notice", "Wed Mar 04 10:11:12.003456 2026"),
        ("[Wed Mar 04 10:11:12.003456 2026] [proxy:error] [pid 7] (111)Connection refused: AH00957: HTTP: attempt failed",
         "(111)Connection refused: AH00957: HTTP: attempt failed", "proxy", "error", "Wed Mar 04 10:11:12.003456 2026"),
        ("[Wed Mar 04 10:11:12.003456 2026] [:error] [pid 7] [client 10.0.0.3:5] PHP Notice:  Undefined index",
         "PHP Notice:  Undefined index", None, "error", "Wed Mar 04 10:11:12.003456 2026"),
    ],
    "haproxy": [
        ("Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 "
         '10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"',
         'static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"', "http-in",
         None, "Feb  6 12:14:14"),
        ("haproxy[31]: 10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0",
         "bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0", "fnt", None, None),
        ('10.0.1.2:33317 [06/Feb/2009:12:14:14.655] https~ web/<NOSRV> -1/-1/-1/-1/0 503 212 - - SC-- 1/1/0/0/0 0/0 "GET /"',
         'web/<NOSRV> -1/-1/-1/-1/0 503 212 - - SC-- 1/1/0/0/0 0/0 "GET /"', "https~", None, None),
        ("<134>Mar  4 10:11:12 lb haproxy[31]: 10.0.0.1:1234 [06/Dec/2012:18:44:17.665] front/1: SSL handshake failure",
         "SSL handshake failure", "front", None, "Mar  4 10:11:12"),
        ("Mar  4 10:11:12 lb haproxy[31]: Server static/s1 is DOWN, reason: Layer4 timeout, check duration: 9ms.",
         "Server static/s1 is DOWN, reason: Layer4 timeout, check duration: 9ms.", "haproxy", None, "Mar  4 10:11:12"),
        ("[WARNING]  (14389) : Server shop/s1 is DOWN, reason: Layer4 connection problem", "Server shop/s1 is DOWN, reason: "
         "Layer4 connection problem", None, "WARNING", None),
        ("[NOTICE] 036/121251 (14389) : New worker #1 (8) forked", "New worker #1 (8) forked", None, "NOTICE", None),
        ("Proxy http-in started.", "Proxy http-in started.", None, None, None),
    ],
    "syslog3164": [
        ("<38>Mar  4 10:11:12 web-1 sshd[31]: Accepted publickey for anna", "Accepted publickey for anna", "sshd", None,
         "Mar  4 10:11:12"),
        ("Mar 14 10:11:12 web-1 postfix/smtpd[31]: connect from unknown[10.0.0.3]", "connect from unknown[10.0.0.3]",
         "postfix/smtpd", None, "Mar 14 10:11:12"),
        ("Mar  4 10:11:12 web-1 sudo:     anna : TTY=pts/0 ; COMMAND=/bin/ls", "anna : TTY=pts/0 ; COMMAND=/bin/ls", "sudo",
         None, "Mar  4 10:11:12"),
        ("Mar  4 10:11:12 web-1 kernel: [12345.678901] usb 1-1: new device", "usb 1-1: new device", "kernel", None,
         "Mar  4 10:11:12"),
        ("Mar  4 10:11:12 web-1 kernel: Out of memory: Killed process 7", "Out of memory: Killed process 7", "kernel", None,
         "Mar  4 10:11:12"),
        ("2026-03-04T10:11:12.003456+01:00 web-1 systemd[1]: Started Session 7.", "Started Session 7.", "systemd", None,
         "2026-03-04T10:11:12.003456+01:00"),
        ("<13>Mar  4 10:11:12 myapp[7]: no host in it", "no host in it", "myapp", None, "Mar  4 10:11:12"),
        ("Mar  4 10:11:12 web-1 last message repeated 3 times", "last message repeated 3 times", None, None,
         "Mar  4 10:11:12"),
        ("Mar  4 2026 10:11:12 fw %ASA-6-302013: Built outbound TCP connection", "Built outbound TCP connection",
         "%ASA-6-302013", None, "Mar  4 2026 10:11:12"),
        ("Mar  4 10:11:12 web-1 CRON[31]: (root) CMD (run-parts)", "(root) CMD (run-parts)", "CRON", None,
         "Mar  4 10:11:12"),
    ],
    "syslog5424": [
        ("<165>1 2026-03-04T10:11:12.003Z web-1 shop 31 ORDER - order accepted", "order accepted", "shop", None,
         "2026-03-04T10:11:12.003Z"),
        ('<165>1 2026-03-04T10:11:12.003Z web-1 shop - ORDER [m@1 id="7"][o ip="10.0.0.8" x="a b"] order accepted',
         "order accepted", "shop", None, "2026-03-04T10:11:12.003Z"),
        ('<165>1 2026-03-04T10:11:12.003Z - shop - - [ex@1 note="a \\"q\\" \\] in it"] order accepted', "order accepted",
         "shop", None, "2026-03-04T10:11:12.003Z"),
        ("<165>1 2026-03-04T10:11:12.003Z web-1 shop - - - \ufefforder accepted", "order accepted", "shop", None,
         "2026-03-04T10:11:12.003Z"),
        ("<34>1 - - - - - - order accepted", "order accepted", None, None, None),
        ("<34>1 2026-03-04T10:11:12Z web-1 su - ID47 -", None, "su", None, "2026-03-04T10:11:12Z"),
        ("<34>1 2026-03-04T10:11:12Z web-1 su - ID47 - [x] is content", "[x] is content", "su", None,
         "2026-03-04T10:11:12Z"),
    ],
    "postgres": [
        ("2026-03-04 10:11:12.003 UTC [31] LOG:  checkpoint starting: time", "checkpoint starting: time", None, "LOG",
         "2026-03-04 10:11:12.003 UTC"),
        ("2026-03-04 10:11:12.003 CET [31] anna@shop ERROR:  deadlock detected", "deadlock detected", None, "ERROR",
         "2026-03-04 10:11:12.003 CET"),
        ("2026-03-04 10:11:12 UTC [31]: [3-1] user=anna,db=shop,app=shop-api,client=10.0.0.3 FATAL:  too many connections",
         "too many connections", "shop-api", "FATAL", "2026-03-04 10:11:12 UTC"),
        ("2026-03-04 10:11:12 UTC:10.0.0.3(5432):anna@shop:[31]:STATEMENT:  select 1", "select 1", None, "STATEMENT",
         "2026-03-04 10:11:12 UTC"),
        ("2026-03-04 10:11:12.003 UTC [31] LOG:  statement: ERROR: no", "statement: ERROR: no", None, "LOG",
         "2026-03-04 10:11:12.003 UTC"),
        ("2026-03-04 10:11:12.003 GMT LOG:  database system is ready", "database system is ready", None, "LOG",
         "2026-03-04 10:11:12.003 GMT"),
        ("LOG:  database system was shut down", "database system was shut down", None, "LOG", None),
        ("1772619072.003 [31] WARNING:  there is no transaction", "there is no transaction", None, "WARNING",
         "1772619072.003"),
    ],
    "postgres-csv": [
        ('2026-03-04 10:11:12.003 UTC,"anna","shop",31,"10.0.0.3:51",69a7.1f,1,"UPDATE",2026-03-04 10:11:00 UTC,3/7,0,ERROR,'
         '40P01,"deadlock ""detected""",,,,,,,,,"shop-api","client backend",,0', 'deadlock "detected"', "shop-api", "ERROR",
         "2026-03-04 10:11:12.003 UTC"),
        ('2026-03-04 10:11:12.003 UTC,,,31,,69a7.1f,1,,2026-03-04 10:11:00 UTC,,0,LOG,00000,"ready, at\nlast",,,,,,,,,""',
         "ready, at\nlast", None, "LOG", "2026-03-04 10:11:12.003 UTC"),
        ('2026-03-04 10:11:12.003 UTC,,,31,,69a7.1f,1,,2026-03-04 10:11:00 UTC,,0,LOG,00000,"checkpoint",,,,,,,,,"",'
         '"checkpointer",,0', "checkpoint", "checkpointer", "LOG", "2026-03-04 10:11:12.003 UTC"),
    ],
    "mysql": [
        ("2026-03-04T10:11:12.003456Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.36) starting",
         "/usr/sbin/mysqld (mysqld 8.0.36) starting", "Server", "System", "2026-03-04T10:11:12.003456Z"),
        ("2026-03-04T10:11:12.003456+01:00 8 [ERROR] [MY-012592] [InnoDB] Operating system error number 2",
         "Operating system error number 2", "InnoDB", "ERROR", "2026-03-04T10:11:12.003456+01:00"),
        ("2017-03-04T10:11:12.003456Z 0 [Note] InnoDB: Buffer pool(s) load completed", "Buffer pool(s) load completed",
         "InnoDB", "Note", "2017-03-04T10:11:12.003456Z"),
        ("2017-03-04T10:11:12.003456Z 7 [Note] Aborted connection 7 to db: 'shop'", "Aborted connection 7 to db: 'shop'",
         None, "Note", "2017-03-04T10:11:12.003456Z"),
        ("2026-03-04 10:11:12 0 [Warning] 'user' entry ignored", "'user' entry ignored", None, "Warning",
         "2026-03-04 10:11:12"),
        ("150304 10:11:12 [ERROR] Can't open the mysql.plugin table", "Can't open the mysql.plugin table", None, "ERROR",
         "150304 10:11:12"),
    ],
    "redis": [
        ("31:M 04 Mar 2026 10:11:12.003 * Ready to accept connections", "Ready to accept connections", None, "*",
         "04 Mar 2026 10:11:12.003"),
        ("31:C 04 Mar 10:11:12.003 # Write error saving DB", "Write error saving DB", None, "#", "04 Mar 10:11:12.003"),
        ("[31] 04 Mar 10:11:12.003 # Server started", "Server started", None, "#", "04 Mar 10:11:12.003"),
        ("31:signal-handler (1772619072) Received SIGTERM scheduling shutdown...",
         "Received SIGTERM scheduling shutdown...", None, None, "1772619072"),
        ("31:S 04 Mar 2026 10:11:12.003 - DB 0: 1 keys", "DB 0: 1 keys", None, "-", "04 Mar 2026 10:11:12.003"),
    ],
    "docker": [
        ("web-1  | order accepted", "order accepted", "web-1", None, None),
        ("web-1  | 2026-03-04T10:11:12.003456789Z order accepted", "order accepted", "web-1", None,
         "2026-03-04T10:11:12.003456789Z"),
        ("2026-03-04T10:11:12.003456789Z order accepted", "order accepted", None, None, "2026-03-04T10:11:12.003456789Z"),
        ("shop_web.1.k9tUz8TdRJKZ@node1    | order | accepted", "order | accepted", "shop_web.1.k9tUz8TdRJKZ@node1", None,
         None),
        ("web-1  | ", None, "web-1", None, None),
    ],
    "cri": [
        ("2026-03-04T10:11:12.003456789Z stderr F order accepted", "order accepted", None, None,
         "2026-03-04T10:11:12.003456789Z"),
        ("2026-03-04T10:11:12.003456789+01:00 stdout P order acc", "order acc", None, None,
         "2026-03-04T10:11:12.003456789+01:00"),
        ("2026-03-04T10:11:12.003456789Z stdout F ", None, None, None, "2026-03-04T10:11:12.003456789Z"),
    ],
    "json": [
        ('{"time":"2026-03-04T10:11:12Z","level":"info","logger":"store","msg":"order accepted"}', "order accepted", "store",
         "info", "2026-03-04T10:11:12Z"),
        ('{"@t":"2026-03-04T10:11:12Z","@m":"order accepted","@l":"Warning","SourceContext":"Shop.Orders"}',
         "order accepted", "Shop.Orders", "Warning", "2026-03-04T10:11:12Z"),
        ('{"Timestamp":1772619072003,"Level":"Error","Message":"order refused","Properties":{"SourceContext":"Shop"}}',
         "order refused", "Shop", "Error", "1772619072003"),
        ('{"level":30,"time":1772619072003,"pid":7,"name":"shop","msg":"order accepted"}', "order accepted", "shop", "30",
         "1772619072003"),
        ('{"severity":"ERROR","message":"order refused","logging.googleapis.com/trace":"x"}', "order refused", None, "ERROR",
         None),
        ('{"ts":1772619072.003,"level":"error","logger":"http","msg":"","error":"no route"}', "no route", "http", "error",
         "1772619072.003"),
        ('{"remote":"10.0.0.3","request":"GET / HTTP/1.1","status":502}',
         'remote=10.0.0.3 request="GET / HTTP/1.1" status=502', None, None, None),
        ("not JSON", "not JSON", None, None, None),
    ],
    "ecs": [
        ('{"@timestamp":"2026-03-04T10:11:12Z","log.level":"INFO","log.logger":"store","message":"order accepted"}',
         "order accepted", "store", "INFO", "2026-03-04T10:11:12Z"),
        ('{"@timestamp":"2026-03-04T10:11:12Z","log":{"level":"error","logger":"store"},"message":"no","ecs":{"version":"8"}}',
         "no", "store", "error", "2026-03-04T10:11:12Z"),
        ('{"@timestamp":"2026-03-04T10:11:12Z","message":"m","service":{"name":"shop"}}', "m", "shop", None,
         "2026-03-04T10:11:12Z"),
        ('{"@timestamp":"2026-03-04T10:11:12Z","log.level":"ERROR","error":{"type":"E","message":"no stock"}}', "no stock",
         None, "ERROR", "2026-03-04T10:11:12Z"),
    ],
}  # fmt: skip

UNMATCHED = {"[2026-03-04, 10:11:12 UTC] x", "not JSON"}


def test_every_preset_is_a_value_of_the_setting_and_is_tested() -> None:
    assert set(PRESETS) == set(get_args(FormatName)) == set(LINES)


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in LINES.items() for case in cases])
def test_lines(name: FormatName, case: Case) -> None:
    header = Header(SystemSettings(format=name))
    line, content, component, level, time = case
    fields = header.split(line)
    event = Parser("shop", SystemSettings(format=name), IngestSettings()).parse(line)
    assert fields[:3] == (content or "", component, level)
    assert (event.matched, event.stamp) == (line not in UNMATCHED, time)


@pytest.mark.parametrize("name", PRESETS)
def test_an_example_has_its_header(name: FormatName) -> None:
    assert Header(SystemSettings(format=name)).split(PRESETS[name].example).matched


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_any_digit_so_that_its_lines_are_cached(name: FormatName) -> None:
    assert all(is_invariant(pattern, DIGITS) for pattern in PRESETS[name].patterns)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("line", ["order accepted", "\tat a.b.C(D.java:1)", "}", "Caused by: java.io.IOException: x"])
def test_other_lines_have_no_header(name: FormatName, line: str) -> None:
    assert not Header(SystemSettings(format=name)).split(line).matched


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    "piece", ["[", "[a] ", "a ", "a:", '"', '\\"', "1", "1 ", "- ", "a=b ", "(", ": ", " ", '{"a":']
)
def test_a_preset_takes_linear_time(name: FormatName, piece: str) -> None:
    """An expression whose steps grew with the square of these lines would run into the tests' time limit."""
    header, begin = Header(SystemSettings(format=name)), PRESETS[name].example
    for line in (piece * 30_000, begin[: len(begin) // 2] + piece * 30_000, begin + piece * 30_000 + "\n"):
        header.split(line)
