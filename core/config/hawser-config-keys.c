/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every key that the core itself understands: the one place where it is declared. The validator, the typed getters, the
 * samples, `config explain` and the manual page read this table. Keys of plugin types are not here: they are the properties
 * of the plugin's object. */

#include "hawser-config-keys-private.h"

#include <string.h>

#include "hawser-units.h"

#define MS 1e3
#define S 1e6
#define MIN_ 60e6
#define DAY 86400e6
#define YEAR 31536000e6
#define MIB 1048576.
#define GIB 1073741824.
#define COUNT 4294967295. /* guint32 */

const HawserConfigKind hawser_config_kinds[] = {
  { "hawser", FALSE, "", FALSE, "The daemon as a whole" },
  { "log", FALSE, "", FALSE, "What is logged, and how" },
  { "admin", FALSE, "", FALSE, "Where the admin API, metrics and the dashboard are served" },
  { "tls", TRUE, "", FALSE, "Certificates that listeners name by tls=" },
  { "identity", TRUE, "type", TRUE, "A way to prove who one is; listeners name it in identities=" },
  { "policy", TRUE, "allow", FALSE, "A rule over claims; topics name it" },
  { "listener", TRUE, "type address", TRUE, "Where peers connect to us" },
  { "topic", TRUE, "", FALSE, "Metadata and rights of a topic, or of all topics that a filter matches; what it does not say, the next wider filter says" },
  { "subscription", TRUE, "topic", TRUE, "A durable subscription: a sink, or the queue of a known identity" },
  { "bridge", TRUE, "type", TRUE, "Where we connect to somebody else's broker" },
  { "pipeline", TRUE, "from to", TRUE, "What makes messages of topics out of those of others" },
  { "store", TRUE, "type", TRUE, "Where twins are kept that do not stay in state-dir; twin families name it in store=" },
  { "twin", TRUE, "", TRUE, "An actor that stands for one real thing" },
  { "twin-family", TRUE, "id", TRUE, "Twins that topics make, and their place in the tree" },
  { NULL, FALSE, NULL, FALSE, NULL },
};

/* A key with no default and no range is optional and free. Zero is a value only where it is said to mean something. */
const HawserConfigKey hawser_config_keys[] = {
  { "hawser", "name", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Name of this daemon for people: in status, the dashboard and metrics; default: the host's name" },
  { "hawser", "config-version", HAWSER_KEY_INTEGER, "1", 1, 1, NULL, FALSE, "Version of this format" },
  { "hawser", "state-dir", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Directory of spool, sessions and twins; without it everything is in memory only" },
  { "hawser", "threads", HAWSER_KEY_INTEGER, "0", 0, 256, NULL, FALSE, "Lanes, each a thread, that connections are spread over; 0 and 1 are one" },
  { "hawser", "busy-poll", HAWSER_KEY_DURATION, "50us", 0, MS, NULL, FALSE, "Longest time that a lane looks for the next message before it sleeps, where that costs no more and processors outnumber lanes; 0s: never" },
  { "hawser", "plugins", HAWSER_KEY_LIST, NULL, 0, 0, NULL, FALSE, "Plugins that must be there; others are opened on first use" },
  { "hawser", "on-plugin-error", HAWSER_KEY_WORD, "fail", 0, 0, "fail skip", FALSE, "Whether a missing or broken plugin stops the start" },
  { "hawser", "trace-context", HAWSER_KEY_WORD, "propagate", 0, 0, "propagate generate off", TRUE, "What happens to W3C trace context" },
  { "hawser", "max-message-size", HAWSER_KEY_SIZE, "256MiB", 1, 256 * MIB, NULL, TRUE, "Largest payload of any message" },
  { "hawser", "max-memory", HAWSER_KEY_SIZE, NULL, 0, 1024 * GIB, NULL, TRUE, "Private memory of the process before publishers are held back; default: half of what the machine or the control group has; 0 for any" },
  { "hawser", "max-live-twins", HAWSER_KEY_INTEGER, NULL, 100, COUNT, NULL, FALSE, "Twins in memory at once: beyond it those that were used least recently leave until they are used again; default: any number" },
  { "hawser", "max-connections", HAWSER_KEY_INTEGER, NULL, 1, COUNT, NULL, TRUE, "Connections of all listeners together" },
  { "hawser", "trust-loopback", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, FALSE, "Whether loopback counts as encrypted for require-encryption" },
  { "hawser", "sync", HAWSER_KEY_WORD, "always", 0, 0, "always interval never", FALSE, "When the spool reaches the disk: before each acknowledgement, every sync-interval, or as the system likes" },
  { "hawser", "sync-interval", HAWSER_KEY_DURATION, "1s", MS, DAY, NULL, FALSE, "Longest time between writes with sync=interval" },
  { "hawser", "sys-interval", HAWSER_KEY_DURATION, "10s", 0, DAY, NULL, FALSE, "Time between figures on $SYS topics while somebody subscribes to one; 0s: there are none" },
  { "hawser", "audit-file", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Where topics with audit=true leave their lines; default: audit.jsonl in state-dir, without one the log" },
  { "hawser", "audit-chain", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, FALSE, "Whether each line of the audit trail carries a digest of all before it" },
  { "hawser", "on-audit-error", HAWSER_KEY_WORD, "continue", 0, 0, "continue refuse", FALSE, "Whether topics with audit=true take messages while the audit trail cannot be written" },
  { "hawser", "stop-timeout", HAWSER_KEY_DURATION, "10s", 0, DAY, NULL, TRUE, "Longest time to drain at the end" },

  { "log", "level", HAWSER_KEY_WORD, "info", 0, 0, "error warning message info debug", TRUE, "Least severity that is logged" },
  { "log", "format", HAWSER_KEY_WORD, "auto", 0, 0, "auto text json journal", FALSE, "auto is the journal under systemd, else text" },
  { "log", "domains", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "Levels of single domains, DOMAIN:LEVEL" },

  { "admin", "address", HAWSER_KEY_ADDRESSES, "unix:/run/hawser/admin.sock", 0, 0, NULL, FALSE, "Where it is served" },
  { "admin", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, FALSE, "Whether it is served at all" },
  { "admin", "dashboard", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, FALSE, "Whether the dashboard is served" },
  { "admin", "metrics", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, FALSE, "Whether /metrics is served" },
  { "admin", "policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may use the admin API, also on a listener with admin=true; without one, whoever is let in" },
  { "admin", "redact", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "What a tap does not show: JSON Pointers, and names of members and properties; password, secret, token and the like are hidden anyway" },
  { "admin", "identities", HAWSER_KEY_REFERENCES, NULL, 0, 0, "identity", FALSE, "How its users prove who they are" },
  { "admin", "tls", HAWSER_KEY_REFERENCE, NULL, 0, 0, "tls", FALSE, "Certificates of its TCP addresses" },

  { "tls", "certificate-file", HAWSER_KEY_FILE, NULL, 0, 0, NULL, TRUE, "Certificate chain, PEM" },
  { "tls", "certificate-credential", HAWSER_KEY_CREDENTIAL, NULL, 0, 0, NULL, TRUE, "Certificate chain, PEM, by the name of a credential" },
  { "tls", "private-key-file", HAWSER_KEY_SECRET_FILE, NULL, 0, 0, NULL, TRUE, "Private key, PEM" },
  { "tls", "private-key-credential", HAWSER_KEY_CREDENTIAL, NULL, 0, 0, NULL, TRUE, "Private key, PEM, by the name of a credential" },
  { "tls", "client-ca-file", HAWSER_KEY_FILE, NULL, 0, 0, NULL, TRUE, "Authorities whose client certificates are accepted, PEM" },
  { "tls", "client-ca-credential", HAWSER_KEY_CREDENTIAL, NULL, 0, 0, NULL, TRUE, "The same, by the name of a credential" },
  { "tls", "client-auth", HAWSER_KEY_WORD, "none", 0, 0, "none request require", FALSE, "Whether clients are asked for a certificate" },
  { "tls", "crl-file", HAWSER_KEY_FILE, NULL, 0, 0, NULL, TRUE, "Revocation lists of the client authorities, PEM" },
  { "tls", "ciphers", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Ciphers of TLS 1.2, as openssl-ciphers(1) writes them; default: those of OpenSSL" },
  { "tls", "ciphersuites", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Ciphers of TLS 1.3, separated by colons; default: those of OpenSSL" },
  { "tls", "others", HAWSER_KEY_REFERENCES, NULL, 0, 0, "tls", FALSE, "Further certificates, shown to clients that ask for a name in them" },
  { "tls", "minimum-version", HAWSER_KEY_WORD, "1.2", 0, 0, "1.2 1.3", FALSE, "Oldest version of TLS" },

  { "identity", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Plugin that judges it" },
  { "identity", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },

  { "policy", "allow", HAWSER_KEY_POLICY, NULL, 0, 0, NULL, TRUE, "The rule: claim == \"text\", != < > <= >= in ~ exists, and or not ( )" },
  { "policy", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },

  { "listener", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Protocol that is spoken" },
  { "listener", "address", HAWSER_KEY_ADDRESS, NULL, 0, 0, NULL, FALSE, "tcp:HOST:PORT, udp:HOST:PORT, ws:HOST:PORT/PATH, wss:HOST:PORT/PATH, unix:PATH or fd:NAME" },
  { "listener", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, TRUE, "false is how a drop-in removes it" },
  { "listener", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "listener", "tls", HAWSER_KEY_REFERENCE, NULL, 0, 0, "tls", FALSE, "Certificates; without one the listener is plain" },
  { "listener", "identities", HAWSER_KEY_REFERENCES, NULL, 0, 0, "identity", TRUE, "How peers prove who they are; the first that understands what is shown decides" },
  { "listener", "anonymous", HAWSER_KEY_WORD, "deny", 0, 0, "deny allow", TRUE, "Whether a peer may show nothing" },
  { "listener", "admin", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, FALSE, "Whether an HTTP listener also serves what [admin] serves" },
  { "listener", "static", HAWSER_KEY_LIST, NULL, 0, 0, NULL, FALSE, "Files an HTTP listener serves, /PATH:DIRECTORY" },
  { "listener", "mount-point", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Prefix that is put before every topic of its peers" },
  { "listener", "max-connections", HAWSER_KEY_INTEGER, "1000000", 1, COUNT, NULL, TRUE, "Connections at a time; more are refused" },
  { "listener", "max-packet-size", HAWSER_KEY_SIZE, NULL, 64, 268435460, NULL, TRUE, "Largest packet read from a peer; default: what max-message-size needs" },
  { "listener", "max-message-size", HAWSER_KEY_SIZE, NULL, 1, 256 * MIB, NULL, TRUE, "Largest payload here; default: that of [hawser]" },
  { "listener", "backlog", HAWSER_KEY_INTEGER, "4096", 1, 65535, NULL, FALSE, "Connections the system may hold before we take them" },
  { "listener", "origins", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "Origins whose pages may connect to a ws: or wss: address; * for all" },
  { "listener", "handshake-timeout", HAWSER_KEY_DURATION, "10s", 100 * MS, 3600 * S, NULL, TRUE, "Time for the handshake of TLS and WebSocket" },
  { "listener", "proxy-protocol", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, FALSE, "Whether each connection begins with a header of the PROXY protocol, version 1 or 2" },
  { "listener", "proxy-from", HAWSER_KEY_LIST, NULL, 0, 0, NULL, FALSE, "Addresses and networks whose header is believed, others are closed; default: this machine" },
  { "listener", "ban-failures", HAWSER_KEY_INTEGER, "10", 0, 1000000, NULL, TRUE, "Log-ins that fail before the address is banned from all listeners; 0 bans nobody" },
  { "listener", "ban-window", HAWSER_KEY_DURATION, "1min", S, DAY, NULL, TRUE, "Time within which they must fail" },
  { "listener", "ban-duration", HAWSER_KEY_DURATION, "10min", 100 * MS, YEAR, NULL, TRUE, "Time that an address is banned" },
  { "listener", "connect-rate", HAWSER_KEY_NUMBER, NULL, 0, 1e9, NULL, TRUE, "Connections a second that are accepted; others wait in the backlog; 0 for any number" },
  { "listener", "message-rate", HAWSER_KEY_NUMBER, NULL, 0, 1e9, NULL, TRUE, "Messages a second of all its peers together; 0 for any number" },
  { "listener", "byte-rate", HAWSER_KEY_SIZE, NULL, 0, 1e9, NULL, TRUE, "Bytes of messages a second of all its peers together; 0 for any number" },
  { "listener", "identity-connect-rate", HAWSER_KEY_NUMBER, NULL, 0, 1e9, NULL, TRUE, "Connections a second of each principal, or client id where peers prove nothing" },
  { "listener", "identity-message-rate", HAWSER_KEY_NUMBER, NULL, 0, 1e9, NULL, TRUE, "Messages a second of each principal, client id, or else address" },
  { "listener", "identity-byte-rate", HAWSER_KEY_SIZE, NULL, 0, 1e9, NULL, TRUE, "Bytes of messages a second of each principal, client id, or else address" },
  { "listener", "rate-burst", HAWSER_KEY_DURATION, "1s", MS, 3600 * S, NULL, TRUE, "What may come at once, as time of the rates" },
  { "listener", "rate-patience", HAWSER_KEY_DURATION, "10s", 0, 3600 * S, NULL, TRUE, "Debt up to which a publisher is held back; who owes more is refused" },
  { "listener", "flapping-count", HAWSER_KEY_INTEGER, "0", 0, 1000000, NULL, TRUE, "Times that a client id may connect within flapping-window before it is banned; 0 bans nobody" },
  { "listener", "flapping-window", HAWSER_KEY_DURATION, "1min", S, DAY, NULL, TRUE, "Time within which they are counted" },
  { "listener", "flapping-duration", HAWSER_KEY_DURATION, "5min", 100 * MS, YEAR, NULL, TRUE, "Time that the client id is banned" },
  { "listener", "connect-timeout", HAWSER_KEY_DURATION, "10s", 100 * MS, 3600 * S, NULL, TRUE, "Time from connection to a complete introduction" },
  { "listener", "idle-timeout", HAWSER_KEY_DURATION, NULL, S, YEAR, NULL, TRUE, "Time without a byte after which a connection ends, where the protocol has no own rule" },

  { "topic", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "topic", "discovery-url", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Where more about it can be read" },
  { "topic", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, TRUE, "Whether it takes messages" },
  { "topic", "create", HAWSER_KEY_WORD, "deny", 0, 0, "deny auto", TRUE, "Whether a topic that the filter matches comes into being on first use" },
  { "topic", "expires", HAWSER_KEY_DATE, NULL, 0, 0, NULL, TRUE, "When it ceases to take messages" },
  { "topic", "max-subscription-duration", HAWSER_KEY_DURATION, NULL, S, 100 * YEAR, NULL, TRUE, "Longest life of one subscription" },
  { "topic", "publish-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may publish; without one here or for a wider filter, nobody" },
  { "topic", "subscribe-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may subscribe; without one here or for a wider filter, nobody" },
  { "topic", "require-encryption", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, TRUE, "Whether plain connections from outside are refused" },
  { "topic", "audit", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, TRUE, "Whether each message leaves a line in the audit trail" },
  { "topic", "retain", HAWSER_KEY_WORD, "client", 0, 0, "client last none", TRUE, "Whether the last message is kept for who comes later, asked for or not" },
  { "topic", "content-type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Type of payloads that do not name one" },
  { "topic", "max-message-size", HAWSER_KEY_SIZE, NULL, 1, 256 * MIB, NULL, TRUE, "Largest payload; default: that of [hawser]" },
  { "topic", "message-expiry", HAWSER_KEY_DURATION, NULL, MS, 100 * YEAR, NULL, TRUE, "Age at which a message is no longer delivered" },
  { "topic", "dedup-window", HAWSER_KEY_DURATION, NULL, MS, 366 * DAY, NULL, TRUE, "How long a message id is remembered; a message of the topic that brings it again is dropped" },
  { "topic", "history", HAWSER_KEY_INTEGER, "0", 0, 1000000, NULL, TRUE, "Messages kept for replay" },

  { "subscription", "topic", HAWSER_KEY_FILTER, NULL, 0, 0, NULL, FALSE, "What it subscribes to: a topic or filter" },
  { "subscription", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Sink that receives it; without one it waits for its identity to connect" },
  { "subscription", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, TRUE, "false is how a drop-in removes it" },
  { "subscription", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "subscription", "identity", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Name of the principal it belongs to" },
  { "subscription", "durable", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, FALSE, "Whether it survives the receiver's absence and the daemon's death" },
  { "subscription", "filter", HAWSER_KEY_CONDITION, NULL, 0, 0, NULL, TRUE, "Which messages: a rule over JSON Pointers and properties" },
  { "subscription", "not-me", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, TRUE, "Whether what its own identity published is left out" },
  { "subscription", "ttl", HAWSER_KEY_DURATION, NULL, MS, 100 * YEAR, NULL, TRUE, "Age at which a queued message is dropped" },
  { "subscription", "expires", HAWSER_KEY_DATE, NULL, 0, 0, NULL, TRUE, "When the subscription ends" },
  { "subscription", "spool-rate", HAWSER_KEY_NUMBER, NULL, 0.001, 1e9, NULL, TRUE, "Messages a second at most when a backlog is delivered" },
  { "subscription", "spool-limit", HAWSER_KEY_SIZE, "64MiB", 4096, 1024 * GIB, NULL, TRUE, "Bytes its spool may hold" },
  { "subscription", "max-queued", HAWSER_KEY_INTEGER, NULL, 1, COUNT, NULL, TRUE, "Messages its queue may hold" },
  { "subscription", "max-queued-bytes", HAWSER_KEY_SIZE, NULL, 1, 1024 * GIB, NULL, TRUE, "Bytes its queue may hold in memory" },
  { "subscription", "max-age", HAWSER_KEY_DURATION, NULL, MS, 100 * YEAR, NULL, TRUE, "Age of the oldest message its queue may hold" },
  { "subscription", "on-overflow", HAWSER_KEY_WORD, "drop-oldest", 0, 0, "drop-oldest drop-newest reject block", TRUE, "What happens at a limit" },
  { "subscription", "batch-count", HAWSER_KEY_INTEGER, "1000", 1, 1000000, NULL, TRUE, "Messages in a batch at most" },
  { "subscription", "batch-size", HAWSER_KEY_SIZE, "1MiB", 1, GIB, NULL, TRUE, "Bytes in a batch at most" },
  { "subscription", "batch-age", HAWSER_KEY_DURATION, "1s", 0, DAY, NULL, TRUE, "Time the first message of a batch waits at most; 0s sends at once" },
  { "subscription", "max-in-flight", HAWSER_KEY_INTEGER, "4", 1, 1000, NULL, TRUE, "Batches under way at a time; messages of one key are never in two of them" },
  { "subscription", "retry-initial", HAWSER_KEY_DURATION, "1s", MS, DAY, NULL, TRUE, "First pause after a temporary failure" },
  { "subscription", "retry-maximum", HAWSER_KEY_DURATION, "5min", MS, 7 * DAY, NULL, TRUE, "Longest pause between attempts" },
  { "subscription", "max-attempts", HAWSER_KEY_INTEGER, "0", 0, COUNT, NULL, TRUE, "Attempts before a batch is given up; 0 never gives up" },
  { "subscription", "dead-letter", HAWSER_KEY_TOPIC, NULL, 0, 0, NULL, TRUE, "Topic that receives what was given up" },
  { "subscription", "compression", HAWSER_KEY_WORD, "none", 0, 0, "none gzip", TRUE, "How batches are compressed" },

  { "bridge", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Protocol that the broker speaks" },
  { "bridge", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, TRUE, "false is how a drop-in removes it" },
  { "bridge", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },

  { "pipeline", "from", HAWSER_KEY_FILTERS, NULL, 0, 0, NULL, FALSE, "Topics and filters that it takes messages from" },
  { "pipeline", "to", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Topic that it publishes to; {topic}, {1} to {9} for a level of it, and other fields of the message" },
  { "pipeline", "stages", HAWSER_KEY_LIST, NULL, 0, 0, NULL, FALSE, "What is done on the way, in this order: filter, map, window, throttle, conflate; default: nothing" },
  { "pipeline", "enabled", HAWSER_KEY_BOOLEAN, "true", 0, 0, NULL, FALSE, "false is how a drop-in removes it" },
  { "pipeline", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "pipeline", "max-queued", HAWSER_KEY_INTEGER, "10000", 1, COUNT, NULL, FALSE, "Messages that may wait in front of it" },
  { "pipeline", "max-queued-bytes", HAWSER_KEY_SIZE, "16MiB", 1024, 1024 * GIB, NULL, FALSE, "Bytes that may wait in front of it" },
  { "pipeline", "on-overflow", HAWSER_KEY_WORD, "drop-oldest", 0, 0, "drop-oldest drop-newest reject block", FALSE, "What happens at a limit" },
  { "pipeline", "max-in-flight", HAWSER_KEY_INTEGER, "1000", 1, 65535, NULL, FALSE, "Messages published and not committed to the disk" },
  { "pipeline", "retain", HAWSER_KEY_BOOLEAN, "false", 0, 0, NULL, FALSE, "Whether what it publishes is kept as the last value of its topic" },

  { "store", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "What keeps it" },
  { "store", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },

  { "twin", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Behaviour plugin; without one it only keeps state" },
  { "twin", "title", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Name for people" },
  { "twin", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "twin", "parent", HAWSER_KEY_REFERENCE, NULL, 0, 0, "twin", TRUE, "Twin above it" },
  { "twin", "source-topics", HAWSER_KEY_FILTERS, NULL, 0, 0, NULL, TRUE, "Topics its state comes from" },
  { "twin", "map", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "PROPERTY:/JSON/POINTER of what is read from a message; default: every member" },
  { "twin", "presence-of", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "CLAIM:VALUE of the connections whose presence is its own" },
  { "twin", "stale-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it is stale" },
  { "twin", "offline-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it is offline" },
  { "twin", "aggregate", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "FUNCTION:PROPERTY over its children; sum, count, min, max, mean" },
  { "twin", "aggregate-interval", HAWSER_KEY_DURATION, "1s", MS, DAY, NULL, TRUE, "Shortest time between two aggregates" },
  { "twin", "history", HAWSER_KEY_INTEGER, "0", 0, 1000000, NULL, TRUE, "Values kept of each property" },
  { "twin", "publish-topic", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Topic its changes are published to; {id} is its id" },
  { "twin", "persist", HAWSER_KEY_WORD, "never", 0, 0, "never on-change interval", TRUE, "When its state is stored" },
  { "twin", "persist-interval", HAWSER_KEY_DURATION, "10s", MS, DAY, NULL, TRUE, "Longest time unstored with persist=interval" },
  { "twin", "store", HAWSER_KEY_REFERENCE, NULL, 0, 0, "store", FALSE, "The [store] it is kept in; default: the spool in state-dir" },
  { "twin", "snapshot-every", HAWSER_KEY_INTEGER, "100", 0, G_MAXINT32, NULL, FALSE, "Events in the journal of its behaviour before it is stored whole; 0 for never" },
  { "twin", "passivate-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it leaves memory" },
  { "twin", "subscribe-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may read it" },
  { "twin", "write-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may set desired properties and send commands" },
  { "twin", "status-topics", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "Topics that say online or offline, such as those of wills" },
  { "twin-family", "type", HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, "Behaviour plugin; without one they only keep state" },
  { "twin-family", "topics", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "Topics of reports; {NAME} stands for one level, + and # as in filters" },
  { "twin-family", "id", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Id of a twin, made of the {NAME}s of its topic" },
  { "twin-family", "parent", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Id of the twin above it, made of the same {NAME}s" },
  { "twin-family", "status-topics", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "Topics that say online or offline, such as those of wills" },
  { "twin-family", "title", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Name for people" },
  { "twin-family", "description", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "One line for people" },
  { "twin-family", "map", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "PROPERTY:/JSON/POINTER of what is read from a message; default: every member" },
  { "twin-family", "stale-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it is stale" },
  { "twin-family", "offline-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it is offline" },
  { "twin-family", "aggregate", HAWSER_KEY_LIST, NULL, 0, 0, NULL, TRUE, "FUNCTION:PROPERTY over its children; sum, count, min, max, mean" },
  { "twin-family", "aggregate-interval", HAWSER_KEY_DURATION, "1s", MS, DAY, NULL, TRUE, "Shortest time between two aggregates" },
  { "twin-family", "history", HAWSER_KEY_INTEGER, "0", 0, 1000000, NULL, TRUE, "Values kept of each property" },
  { "twin-family", "publish-topic", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Topic its changes are published to; {id} is its id" },
  { "twin-family", "gateway-topic", HAWSER_KEY_STRING, NULL, 0, 0, NULL, TRUE, "Topic of the principal that last reported for a thing; {principal} is its name" },
  { "twin-family", "persist", HAWSER_KEY_WORD, "never", 0, 0, "never on-change interval", TRUE, "When its state is stored" },
  { "twin-family", "persist-interval", HAWSER_KEY_DURATION, "10s", MS, DAY, NULL, TRUE, "Longest time unstored with persist=interval" },
  { "twin-family", "store", HAWSER_KEY_REFERENCE, NULL, 0, 0, "store", FALSE, "The [store] it is kept in; default: the spool in state-dir" },
  { "twin-family", "snapshot-every", HAWSER_KEY_INTEGER, "100", 0, G_MAXINT32, NULL, FALSE, "Events in the journal of its behaviour before it is stored whole; 0 for never" },
  { "twin-family", "passivate-after", HAWSER_KEY_DURATION, NULL, MS, YEAR, NULL, TRUE, "Silence after which it leaves memory" },
  { "twin-family", "subscribe-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may read it" },
  { "twin-family", "write-policy", HAWSER_KEY_REFERENCE, NULL, 0, 0, "policy", TRUE, "Who may set desired properties and send commands" },
  { NULL, NULL, HAWSER_KEY_STRING, NULL, 0, 0, NULL, FALSE, NULL },
};

static const char * const type_names[] = {
  [HAWSER_KEY_STRING] = "text", [HAWSER_KEY_LIST] = "list", [HAWSER_KEY_BOOLEAN] = "boolean", [HAWSER_KEY_INTEGER] = "integer",
  [HAWSER_KEY_NUMBER] = "number", [HAWSER_KEY_DURATION] = "duration", [HAWSER_KEY_SIZE] = "size", [HAWSER_KEY_WORD] = "word",
  [HAWSER_KEY_DATE] = "date", [HAWSER_KEY_TOPIC] = "topic", [HAWSER_KEY_FILTER] = "filter", [HAWSER_KEY_FILTERS] = "list of filters",
  [HAWSER_KEY_ADDRESS] = "address", [HAWSER_KEY_ADDRESSES] = "list of addresses", [HAWSER_KEY_POLICY] = "rule",
  [HAWSER_KEY_CONDITION] = "rule", [HAWSER_KEY_REFERENCE] = "name", [HAWSER_KEY_REFERENCES] = "list of names",
  [HAWSER_KEY_FILE] = "file", [HAWSER_KEY_SECRET_FILE] = "secret file", [HAWSER_KEY_CREDENTIAL] = "credential",
};

const HawserConfigKind *
hawser_config_find_kind (const char *kind)
{
  for (const HawserConfigKind *k = hawser_config_kinds; k->kind != NULL; k++)
    if (strcmp (k->kind, kind) == 0)
      return k;
  return NULL;
}

const HawserConfigKey *
hawser_config_find_core_key (const char *kind, const char *key)
{
  for (const HawserConfigKey *k = hawser_config_keys; k->key != NULL; k++)
    if (strcmp (k->kind, kind) == 0 && strcmp (k->key, key) == 0)
      return k;
  return NULL;
}

const char *
hawser_config_key_type_name (HawserKeyType type)
{
  return type_names[type];
}

/* What is allowed, in words that follow "must be"; NULL when anything is. */
char *
hawser_config_key_range (const HawserConfigKey *key)
{
  g_autofree char *low = NULL, *high = NULL;

  switch (key->type)
    {
    case HAWSER_KEY_BOOLEAN:
      return g_strdup ("true or false");
    case HAWSER_KEY_WORD:
      {
        g_auto (GStrv) words = g_strsplit (key->words, " ", -1);
        g_autofree char *joined = g_strjoinv (", ", words);

        return g_strdup_printf ("one of %s", joined);
      }
    case HAWSER_KEY_DURATION:
      low = hawser_duration_format ((gint64) key->minimum);
      high = hawser_duration_format ((gint64) MIN (key->maximum, 9.2e18));
      break;
    case HAWSER_KEY_SIZE:
      low = hawser_size_format ((guint64) key->minimum);
      high = hawser_size_format ((guint64) MIN (key->maximum, 9.2e18));
      break;
    case HAWSER_KEY_INTEGER:
    case HAWSER_KEY_NUMBER:
      low = g_strdup_printf ("%.15g", key->minimum);
      high = g_strdup_printf ("%.15g", key->maximum);
      break;
    case HAWSER_KEY_STRING:
    case HAWSER_KEY_LIST:
    case HAWSER_KEY_DATE:
    case HAWSER_KEY_TOPIC:
    case HAWSER_KEY_FILTER:
    case HAWSER_KEY_FILTERS:
    case HAWSER_KEY_ADDRESS:
    case HAWSER_KEY_ADDRESSES:
    case HAWSER_KEY_POLICY:
    case HAWSER_KEY_CONDITION:
    case HAWSER_KEY_REFERENCE:
    case HAWSER_KEY_REFERENCES:
    case HAWSER_KEY_FILE:
    case HAWSER_KEY_SECRET_FILE:
    case HAWSER_KEY_CREDENTIAL:
    default:
      return NULL;
    }
  return g_strdup_printf ("%s to %s", low, high);
}
