<?php
// In a process that is started before there is a program, wait for its arguments and environment, which are
// the first bytes of standard input (docs/design/prestart.md). php.ini names this file as auto_prepend_file
// if CLOCHE_PRESTART does. PHP has opened a placeholder as main.php.
(static function (): void {
    $take = static function (int $size): string {
        $data = "";
        while (strlen($data) < $size) {
            $got = fread(STDIN, $size - strlen($data));
            if ($got === "" || $got === false) {
                exit(0); // there will be no program
            }
            $data .= $got;
        }
        return $data;
    };
    putenv("CLOCHE_PRESTART");
    unset($_SERVER["CLOCHE_PRESTART"]);
    stream_set_read_buffer(STDIN, 0);
    $words = explode("\0", $take(unpack("N", $take(4))[1]));
    stream_set_read_buffer(STDIN, 8192);
    $count = (int) array_shift($words);
    array_pop($words);
    $argv = [$_SERVER["argv"][0], ...array_splice($words, 0, $count)];
    $variables = [];
    foreach ($words as $pair) {
        putenv($pair);
        [$name, $value] = explode("=", $pair, 2);
        $variables[$name] = $value;
    }
    // The variables come first in $_SERVER, and what PHP itself sets takes precedence.
    $first = array_search("PHP_SELF", array_keys($_SERVER), true);
    $own = array_slice($_SERVER, $first);
    $_SERVER = array_replace(array_slice($_SERVER, 0, $first), $variables, $own);
    $_SERVER["REQUEST_TIME_FLOAT"] = microtime(true);
    $_SERVER["REQUEST_TIME"] = time();
    $GLOBALS["argv"] = $_SERVER["argv"] = $argv;
    $GLOBALS["argc"] = $_SERVER["argc"] = count($argv);
})();
