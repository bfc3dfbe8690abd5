/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Broken configurations, each with exactly the problems it must be told, positions included. Reading the table aloud is the
 * specification of what the daemon refuses. */

#include <hawser/hawser.h>

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef enum { SLOW, FAST } Speed;

static GType
speed_get_type (void)
{
  static const GEnumValue values[] = { { SLOW, "SLOW", "slow" }, { FAST, "FAST", "fast" }, { 0, NULL, NULL } };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("TestSpeed", values));
  return type;
}

/* A protocol, an identity and a sink, as plugins would declare them. */
static void
add_types (HawserConfig *config)
{
  GParamSpec *listener[] = {
    g_param_spec_ref_sink (g_param_spec_uint ("link-credit", NULL, "Messages a sender may send ahead", 1, 65535, 100, G_PARAM_READWRITE)),
    g_param_spec_ref_sink (hawser_param_spec_duration ("keep-alive-maximum", "Longest keep-alive", G_USEC_PER_SEC, G_GINT64_CONSTANT (65535000000), 300 * G_USEC_PER_SEC, G_PARAM_READWRITE)),
    g_param_spec_ref_sink (g_param_spec_enum ("speed", NULL, "How fast", speed_get_type (), FAST, G_PARAM_READWRITE)),
    g_param_spec_ref_sink (g_param_spec_uint ("open", NULL, "Read only", 0, 9, 0, G_PARAM_READABLE)),
  };
  GParamSpec *identity[] = { g_param_spec_ref_sink (g_param_spec_string ("password-file", NULL, "Users", NULL, G_PARAM_READWRITE)) };
  GParamSpec *sink[] = {
    g_param_spec_ref_sink (g_param_spec_string ("endpoint", NULL, "Where to", NULL, G_PARAM_READWRITE)),
    g_param_spec_ref_sink (g_param_spec_string ("credential", NULL, "Key", NULL, G_PARAM_READWRITE)),
    g_param_spec_ref_sink (hawser_param_spec_size ("block-size", "Bytes of a block", 512, 4 << 20, 4096, G_PARAM_READWRITE)),
  };

  hawser_config_set_type_keys (config, "listener", "mqtt", listener, G_N_ELEMENTS (listener));
  hawser_config_set_type_keys (config, "listener", "http", NULL, 0);
  hawser_config_set_type_keys (config, "identity", "password", identity, G_N_ELEMENTS (identity));
  hawser_config_set_type_keys (config, "subscription", "blob", sink, G_N_ELEMENTS (sink));
  for (gsize i = 0; i < G_N_ELEMENTS (listener); i++)
    g_param_spec_unref (listener[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (sink); i++)
    g_param_spec_unref (sink[i]);
  g_param_spec_unref (identity[0]);
}

#define MQTT "[listener m]\ntype=mqtt\naddress=tcp:127.0.0.1:1883\n"

static const struct {
  const char *name;
  const char *text;
  const char *problems;   /* joined by newlines */
} rows[] = {
  /* what GKeyFile lets pass or says badly */
  { "malformed-line", "[log]\nlevel\n", "f:2:1: error: expected KEY=VALUE, [GROUP] or a comment" },
  { "indented-malformed-line", "[log]\n  level: info\n", "f:2:3: error: expected KEY=VALUE, [GROUP] or a comment" },
  { "group-twice", "[topic chase/location]\naudit=true\n\n[topic chase/location]\n", "f:4:1: error: group [topic chase/location] already opened at line 1" },
  { "key-twice", "[log]\nlevel=info\nlevel=debug\n", "f:3:1: error: key \"level\" already set at line 2" },
  { "key-twice-in-group-twice", "[log]\nlevel=info\n[log]\nlevel=debug\n", "f:3:1: error: group [log] already opened at line 1\nf:4:1: error: key \"level\" already set at line 2" },
  { "comment-after-value", "[hawser]\nname=edge # note\n", "f:2:11: warning: comment after a value becomes part of the value" },
  { "continued-line", "[log]\ndomains=a:debug;\\\n", "f:2:17: error: a value ends with its line; '\\' does not continue it" },
  { "localised-key", "[topic a]\ndescription[de]=x\n", "f:2:1: error: key \"description[de]\" may hold only a-z, 0-9 and '-'" },
  { "added-key", "[hawser]\nplugins+=z\n", "f:2:1: error: key \"plugins+\" may hold only a-z, 0-9 and '-'" },
  { "upper-case-key", "[log]\nLevel=info\n", "f:2:1: error: key \"Level\" may hold only a-z, 0-9 and '-'" },
  { "no-key", "[log]\n=info\n", "f:2:1: error: expected a key before '='" },
  { "key-before-group", "level=info\n[log]\n", "f:1:1: error: key \"level\" stands before the first [group]" },
  { "group-not-closed", "[log\nlevel=info\n", "f:1:1: error: expected ']' at the end of the group" },
  { "text-after-group", "[log] # note\nlevel=info\n", "f:1:6: error: expected nothing after ']'" },
  { "bracket-in-group", "[topic a[b]\n", "f:1:9: error: a group's name may not hold '[' or ']'" },
  { "group-without-name", "[ ]\nx=1\n", "f:1:1: error: the group has no name" },
  { "control-character", "[log]\nlevel=in\x01" "fo\n", "f:2:9: error: control character 0x01" },
  { "escape-character", "[topic a\x1b[31m]\n", "f:1:9: error: control character 0x1b" },
  { "bad-utf8", "[log]\nlevel=in\xff" "fo\n", "f:2:9: error: not valid UTF-8" },
  { "column-counts-characters", "[topic a]\ndescription=zürich # x\n", "f:2:20: warning: comment after a value becomes part of the value" },
  /* kinds */
  { "unknown-kind", "[listner m]\n", "f:1:1: error: [listner m] there is no kind \"listner\"; did you mean \"listener\"?" },
  { "unlike-any-kind", "[zebra]\n", "f:1:1: error: [zebra] there is no kind \"zebra\"" },
  { "kind-without-name", "[policy]\nallow=true\n", "f:1:1: error: [policy] needs a name: [policy NAME]" },
  { "kind-with-name", "[log x]\n", "f:1:1: error: [log x] takes no name: [log]" },
  /* keys */
  { "unknown-key", MQTT "link-credits=5\n", "f:4:1: error: [listener m] has no key \"link-credits\"; did you mean \"link-credit\"?" },
  { "swapped-letters", "[hawser]\nnmae=x\n", "f:2:1: error: [hawser] has no key \"nmae\"; did you mean \"name\"?" },
  { "unlike-any-key", "[hawser]\nxylophone=1\n", "f:2:1: error: [hawser] has no key \"xylophone\"" },
  { "mosquitto-1190", "[identity u]\ntype=password\npasword-file=/nowhere\n", "f:3:1: error: [identity u] has no key \"pasword-file\"; did you mean \"password-file\"?" },
  { "key-of-another-kind", "[topic a]\nlink-credit=1\n", "f:2:1: error: [topic a] has no key \"link-credit\"" },
  { "read-only-property", MQTT "open=1\n", "f:4:1: error: [listener m] has no key \"open\"" },
  { "secret-in-unknown-key", "[identity u]\ntype=password\npassword=hunter2\n", "f:3:1: error: [identity u] has no key \"password\"" },
  /* types */
  { "unknown-type", "[listener m]\ntype=mqt\naddress=tcp:127.0.0.1:1\nanything=1\n", "f:2:6: error: [listener m] type=mqt: no plugin has this listener type; did you mean \"mqtt\"?; known: http, mqtt" },
  { "unknown-type-skipped", "[hawser]\non-plugin-error=skip\n[subscription s]\ntopic=a\ntype=kafka\n", "f:5:6: warning: [subscription s] type=kafka: no plugin has this subscription type; known: blob" },
  { "type-missing", "[listener m]\naddress=tcp:127.0.0.1:1\n", "f:1:1: error: [listener m] needs type=" },
  { "several-missing", "[listener m]\n", "f:1:1: error: [listener m] needs address=\nf:1:1: error: [listener m] needs type=" },
  { "policy-without-rule", "[policy p]\n", "f:1:1: error: [policy p] needs allow=" },
  { "subscription-without-topic", "[subscription s]\ntype=blob\n", "f:1:1: error: [subscription s] needs topic=" },
  /* values */
  { "not-boolean", "[topic a]\naudit=yes\n", "f:2:7: error: [topic a] audit=yes: must be true or false" },
  { "not-a-word", "[hawser]\nsync=alway\n", "f:2:6: error: [hawser] sync=alway: must be one of always, interval, never; did you mean \"always\"?" },
  { "empty-word", "[hawser]\nsync=\n", "f:2:6: error: [hawser] sync=: must be one of always, interval, never" },
  { "plugin-word", MQTT "speed=fst\n", "f:4:7: error: [listener m] speed=fst: must be one of slow, fast; did you mean \"fast\"?" },
  { "not-a-number", MQTT "max-connections=many\n", "f:4:17: error: [listener m] max-connections=many: must be a whole number, 1 to 4294967295" },
  { "fraction", MQTT "link-credit=1.5\n", "f:4:13: error: [listener m] link-credit=1.5: must be a whole number, 1 to 65535" },
  { "zero", MQTT "max-connections=0\n", "f:4:17: error: [listener m] max-connections=0: must be 1 to 4294967295" },
  { "negative", MQTT "backlog=-1\n", "f:4:9: error: [listener m] backlog=-1: must be 1 to 65535" },
  { "overflow", MQTT "max-connections=99999999999999999999\n", "f:4:17: error: [listener m] max-connections=99999999999999999999: must be 1 to 4294967295" },
  { "plugin-range", MQTT "link-credit=70000\n", "f:4:13: error: [listener m] link-credit=70000: must be 1 to 65535" },
  { "duration-unit", "[hawser]\nsync=interval\nsync-interval=5m\n", "f:3:15: error: [hawser] sync-interval=5m: unknown unit 'm' (us ms s min h d)" },
  { "duration-range", "[hawser]\nsync-interval=0s\n", "f:2:15: error: [hawser] sync-interval=0s: must be 1ms to 1d" },
  { "duration-negative", "[hawser]\nstop-timeout=-1s\n", "f:2:14: error: [hawser] stop-timeout=-1s: must be 0s to 1d" },
  { "duration-word", "[hawser]\nstop-timeout=soon\n", "f:2:14: error: [hawser] stop-timeout=soon: must be a number and a unit, 0s to 1d" },
  { "plugin-duration", MQTT "keep-alive-maximum=1ms\n", "f:4:20: error: [listener m] keep-alive-maximum=1ms: must be 1s to 65535s" },
  { "size-range", "[hawser]\nmax-message-size=1GiB\n", "f:2:18: error: [hawser] max-message-size=1GiB: must be 1B to 256MiB" },
  { "size-unit", "[subscription s]\ntopic=a\nbatch-size=1MB\n", "f:3:12: error: [subscription s] batch-size=1MB: unknown unit 'MB' (B KiB MiB GiB)" },
  { "size-overflow", "[subscription s]\ntopic=a\nspool-limit=99999999999999999999GiB\n", "f:3:13: error: [subscription s] spool-limit=99999999999999999999GiB: too large" },
  { "plugin-size", "[subscription s]\ntopic=a\ntype=blob\nblock-size=1B\n", "f:4:12: error: [subscription s] block-size=1B: must be 512B to 4MiB" },
  { "date", "[topic a]\nexpires=tomorrow\n", "f:2:9: error: [topic a] expires=tomorrow: must be an RFC 3339 date, such as 2026-12-31T00:00:00Z" },
  { "filter", "[subscription s]\ntopic=a/#/b\n", "f:2:7: error: [subscription s] topic=a/#/b: '#' must be last" },
  { "topic-group", "[topic a/b+]\n", "f:1:1: error: [topic a/b+] '+' must be alone in its level" },
  { "dead-letter-wildcard", "[subscription s]\ntopic=a\ndead-letter=dead/+\n", "f:3:13: error: [subscription s] dead-letter=dead/+: '+' and '#' are for filters" },
  { "list-item", "[twin t]\nsource-topics=a/b;c#;\n", "f:2:19: error: [twin t] source-topics=a/b;c#;: 'c#': '#' must be alone in its level" },
  { "credential-path", "[tls t]\ncertificate-file=/c\nprivate-key-credential=../key\n", "f:3:24: error: [tls t] private-key-credential=../key: must be the name of a credential, not a path" },
  { "policy-rule", "[policy viewers]\nallow=role in \n", "f:2:14: error: [policy viewers] allow: column 8: expected a value after 'in'" },
  { "policy-column", "[policy viewers]\nallow=role = \"x\"\n", "f:2:12: error: [policy viewers] allow: column 6: '=' does not compare; write '=='" },
  { "filter-rule", "[subscription s]\ntopic=a\nfilter=/altitude > high\n", "f:3:20: error: [subscription s] filter=/altitude > high: column 13: expected a value after '>'; a text stands in quotes: \"high\"" },
  { "empty-filter", "[subscription s]\ntopic=\n", "f:2:7: error: [subscription s] topic=: must not be empty" },
  /* addresses */
  { "address-scheme", "[listener m]\ntype=mqtt\naddress=1883\n", "f:1:1: error: [listener m] is reachable from outside and lets anyone in; name identities= or write anonymous=allow\nf:3:9: error: [listener m] address=1883: an address is tcp:HOST:PORT, udp:HOST:PORT, ws:HOST:PORT/PATH, wss:HOST:PORT/PATH, unix:PATH or fd:NAME" },
  { "address-port", "[listener m]\ntype=mqtt\nanonymous=allow\naddress=tcp:127.0.0.1:70000\n", "f:4:9: error: [listener m] address=tcp:127.0.0.1:70000: expected tcp:HOST:PORT with a port of 0 to 65535" },
  { "address-unix", "[listener m]\ntype=mqtt\naddress=unix:sock\n", "f:3:9: error: [listener m] address=unix:sock: a socket's path begins with '/'" },
  { "address-twice", MQTT "[listener n]\ntype=mqtt\naddress=tcp:127.0.0.1:1883\n", "f:6:9: error: [listener n] address=tcp:127.0.0.1:1883: [listener m] is already there" },
  /* references */
  { "no-tls", MQTT "tls=edgee\n[tls edge]\ncertificate-file=c\nprivate-key-file=k\n", "f:4:5: error: [listener m] tls=edgee: there is no [tls edgee]; did you mean \"edge\"?" },
  { "no-tls-at-all", MQTT "tls=edgee\n", "f:4:5: error: [listener m] tls=edgee: there is no [tls edgee]" },
  { "no-identity", MQTT "identities=a;b;\n[identity a]\ntype=password\n", "f:4:14: error: [listener m] identities=a;b;: there is no [identity b]; did you mean \"a\"?" },
  { "no-policy", "[topic a]\npublish-policy=all\n", "f:2:16: error: [topic a] publish-policy=all: there is no [policy all]" },
  { "no-parent", "[twin a]\nparent=b\n", "f:2:8: error: [twin a] parent=b: there is no [twin b]; did you mean \"a\"?" },
  { "own-ancestor", "[twin a]\nparent=b\n[twin b]\nparent=a\n", "f:2:8: error: [twin a] parent=b: a twin may not be its own ancestor\nf:4:8: error: [twin b] parent=a: a twin may not be its own ancestor" },
  /* strangers */
  { "open-listener", "[listener web]\ntype=http\naddress=tcp:[::]:8443\n", "f:1:1: error: [listener web] is reachable from outside and lets anyone in; name identities= or write anonymous=allow" },
  { "open-any-host", "[listener web]\ntype=http\naddress=tcp:0.0.0.0:80\nidentities=\n", "f:1:1: error: [listener web] is reachable from outside and lets anyone in; name identities= or write anonymous=allow" },
  { "open-admin", "[admin]\naddress=unix:/run/a;tcp:0.0.0.0:9090;\n", "f:1:1: error: [admin] is reachable from outside and lets anyone in; name policy=" },
  { "open-admin-listener", "[listener web]\ntype=http\naddress=tcp:0.0.0.0:80\nanonymous=allow\nadmin=true\n", "f:1:1: error: [listener web] serves the admin API to the outside; name policy= in [admin]" },
  { "tls-without-key", "[tls t]\ncertificate-file=/c\n", "f:1:1: error: [tls t] needs private-key-file= or private-key-credential=" },
  { "tls-two-keys", "[tls t]\ncertificate-file=/c\nprivate-key-file=/k\nprivate-key-credential=k\n", "f:1:1: error: [tls t] names both private-key-file= and private-key-credential=" },
  { "tls-no-authority", "[tls t]\ncertificate-file=/c\nprivate-key-file=/k\nclient-auth=require\n", "f:1:1: error: [tls t] client-auth=require needs client-ca-file= or client-ca-credential=" },
  { "password-in-uri", "[subscription s]\ntopic=a\ntype=blob\nendpoint=https://me:hunter2@h/\n", "f:4:21: warning: [subscription s] endpoint: a password in a URI is readable by whoever reads this file; use a credential" },
  /* variables */
  { "variable-unset", "[hawser]\nname=a-${HAWSER_TEST_UNSET}\n", "f:2:8: error: [hawser] name: variable HAWSER_TEST_UNSET is not set and has no default" },
  { "variable-message", "[hawser]\nname=${HAWSER_TEST_UNSET:?say who you are}\n", "f:2:6: error: [hawser] name: HAWSER_TEST_UNSET: say who you are" },
  { "variable-open", "[hawser]\nname=${HAWSER\n", "f:2:6: error: [hawser] name: '${' is never closed; write '$$' for a dollar" },
  { "variable-name", "[hawser]\nname=${1A}\n", "f:2:6: error: [hawser] name: '${1A}' is not ${NAME}, ${NAME:-DEFAULT} or ${NAME:?MESSAGE}" },
  { "variable-operator", "[hawser]\nname=${A:+b}\n", "f:2:6: error: [hawser] name: '${A:+b}' is not ${NAME}, ${NAME:-DEFAULT} or ${NAME:?MESSAGE}" },
  { "variable-with-lines", "[hawser]\nname=${HAWSER_TEST_LINES}\n", "f:2:6: error: [hawser] name: a variable holds a control character" },
  { "variable-value-stays", "[hawser]\nsync=${HAWSER_TEST_SECRET}\n", "f:2:6: error: [hawser] sync=${HAWSER_TEST_SECRET}: must be one of always, interval, never" },
  /* all at once, in order */
  { "all-at-once", "[hawser]\nsync=x\nnmae=y\n[zebra]\n[topic a]\naudit=1 # no\n",
    "f:2:6: error: [hawser] sync=x: must be one of always, interval, never\nf:3:1: error: [hawser] has no key \"nmae\"; did you mean \"name\"?\n"
    "f:4:1: error: [zebra] there is no kind \"zebra\"\nf:6:7: error: [topic a] audit=1 # no: must be true or false\nf:6:9: warning: comment after a value becomes part of the value" },
};

static char *
problems_of (HawserConfig *config)
{
  g_autoptr (GPtrArray) problems = hawser_config_list_problems (config);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < problems->len; i++)
    {
      g_autofree char *text = hawser_config_problem_to_string (g_ptr_array_index (problems, i));

      g_string_append_printf (out, "%s%s", i > 0 ? "\n" : "", text);
    }
  return g_string_free (out, FALSE);
}

static void
is_told (gconstpointer data)
{
  gsize row = GPOINTER_TO_SIZE (data);
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autofree char *problems = NULL;

  add_types (config);
  hawser_config_add_text (config, "f", rows[row].text, -1);
  hawser_config_check (config);
  problems = problems_of (config);
  g_assert_cmpstr (problems, ==, rows[row].problems);
  g_assert_true (hawser_config_check (config) == (strstr (problems, " error: ") == NULL));
}

static void
a_nul_byte_is_refused (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autofree char *problems = NULL;

  hawser_config_add_text (config, "f", "[log]\nlevel=in\0fo\n", 18);
  problems = problems_of (config);
  g_assert_cmpstr (problems, ==, "f:2:9: error: NUL byte");
}

static void
a_huge_file_is_refused_without_reading_it (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hawser-config-XXXXXX", NULL), *path = g_build_filename (directory, "huge.conf", NULL);
  g_autofree char *problems = NULL, *expected = g_strconcat (path, ":1:1: error: larger than 16 MiB", NULL);
  g_autoptr (HawserConfig) config = hawser_config_new ();

  g_assert_true (g_file_set_contents (path, "#", 1, NULL));
  g_assert_cmpint (truncate (path, 100 * 1024 * 1024), ==, 0);
  g_assert_true (hawser_config_add_file (config, path, NULL));
  problems = problems_of (config);
  g_assert_cmpstr (problems, ==, expected);
  g_unlink (path);
  g_rmdir (directory);
}

static void
a_missing_file_is_a_problem (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *problems = NULL;

  g_assert_false (hawser_config_add_file (config, "/nonexistent/hawser.conf", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  problems = problems_of (config);
  g_assert_true (g_str_has_prefix (problems, "/nonexistent/hawser.conf: error: "));
  g_assert_false (hawser_config_check (config));
}

static void
an_exposed_secret_is_warned_about (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hawser-config-XXXXXX", NULL), *path = g_build_filename (directory, "users", NULL);
  g_autofree char *text = g_strdup_printf ("[identity u]\ntype=password\npassword-file=%s\n", path);

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  for (int pass = 0; pass < 2; pass++)
    {
      g_autoptr (HawserConfig) config = hawser_config_new ();

      g_assert_cmpint (g_chmod (path, pass == 0 ? 0644 : 0600), ==, 0);
      add_types (config);
      hawser_config_add_text (config, "f", text, -1);
      g_assert_true (hawser_config_check (config));
      g_assert_cmpuint (hawser_config_get_n_warnings (config), ==, pass == 0 ? 1 : 0);
      if (pass == 0)
        {
          g_autofree char *problems = problems_of (config);

          g_assert_true (g_str_has_prefix (problems, "f:3:15: warning: [identity u] password-file="));
          g_assert_true (g_str_has_suffix (problems, ": others than its owner may read or write it (mode 0644); chmod 600"));
        }
    }
  g_unlink (path);
  g_rmdir (directory);
}

static void
the_report_counts (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autofree char *report = NULL;

  hawser_config_add_text (config, "a", "[hawser]\nname=x # y\n", -1);
  hawser_config_add_text (config, "b", "[log]\nlevel=loud\n", -1);
  hawser_config_check (config);
  report = hawser_config_report (config);
  g_assert_cmpstr (report, ==,
                   "a:2:8: warning: comment after a value becomes part of the value\n"
                   "b:2:7: error: [log] level=loud: must be one of error, warning, message, info, debug\n"
                   "1 error, 1 warning in 2 files\n");
}

static void
problems_are_bounded (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) problems = NULL;

  for (guint i = 0; i < 100000; i++)
    g_string_append (text, "nonsense\n");
  hawser_config_add_text (config, "f", text->str, -1);
  problems = hawser_config_list_problems (config);
  g_assert_cmpuint (problems->len, ==, 1000);
}

static void
keys_of_a_group_are_bounded (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (GString) text = g_string_new ("[log]\n");
  g_autofree char *problems = NULL;

  for (guint i = 0; i < 200000; i++)
    g_string_append_printf (text, "k%u=\n", i);
  hawser_config_add_text (config, "f", text->str, -1);
  problems = problems_of (config);
  g_assert_cmpstr (problems, ==, "f:1:1: error: [log] has more than 1000 keys");
  g_assert_false (hawser_config_check (config));
}

static void
endless_ancestors_are_told (void)
{
  g_autoptr (HawserConfig) config = hawser_config_new ();
  g_autoptr (GString) text = g_string_new ("[twin t0]\n");
  g_autofree char *problems = NULL;

  for (guint i = 1; i <= 257; i++)
    g_string_append_printf (text, "[twin t%u]\nparent=t%u\n", i, i - 1);
  hawser_config_add_text (config, "f", text->str, -1);
  hawser_config_check (config);
  problems = problems_of (config);
  g_assert_cmpstr (problems, ==, "f:515:8: error: [twin t257] parent=t256: a twin has at most 256 ancestors");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_unsetenv ("HAWSER_TEST_UNSET");
  g_setenv ("HAWSER_TEST_LINES", "x\n[listener evil]", TRUE);
  g_setenv ("HAWSER_TEST_SECRET", "hunter2", TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/config/problems/", rows[i].name, "-is-told", NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), is_told);
    }
  g_test_add_func ("/config/problems/a-nul-byte-is-refused", a_nul_byte_is_refused);
  g_test_add_func ("/config/problems/a-huge-file-is-refused", a_huge_file_is_refused_without_reading_it);
  g_test_add_func ("/config/problems/a-missing-file-is-told", a_missing_file_is_a_problem);
  g_test_add_func ("/config/problems/an-exposed-secret-is-warned-about", an_exposed_secret_is_warned_about);
  g_test_add_func ("/config/problems/the-report-counts", the_report_counts);
  g_test_add_func ("/config/problems/are-bounded", problems_are_bounded);
  g_test_add_func ("/config/problems/keys-of-a-group-are-bounded", keys_of_a_group_are_bounded);
  g_test_add_func ("/config/problems/endless-ancestors-are-told", endless_ancestors_are_told);
  return g_test_run ();
}
