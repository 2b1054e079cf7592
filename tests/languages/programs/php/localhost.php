<?php
$server = stream_socket_server("tcp://127.0.0.1:0");
$client = stream_socket_client("tcp://" . stream_socket_get_name($server, false));
$peer = stream_socket_accept($server);
fwrite($peer, "pong\n");
fclose($peer);
echo stream_get_contents($client);
