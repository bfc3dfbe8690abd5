/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every verb shares: the options that stand before or after any verb, where the bus is, how a run ends. */

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* Exit status, the same for every verb; documented in hawser(1). */
typedef enum {
  TOOL_DONE = 0,
  TOOL_FAILED = 1,
  TOOL_USAGE = 2,
  TOOL_BAD_CONFIG = 3,
  TOOL_NO_CONNECTION = 4,
  TOOL_NOT_AUTHORIZED = 5,
  TOOL_NOT_FOUND = 6,
  TOOL_TIMED_OUT = 7,
  TOOL_PARTLY = 8,
  TOOL_INTERRUPTED = 130,
} ToolExit;

typedef struct {
  /* Options. */
  char *url;
  char *context;
  char *user;
  char *password_file;
  char *token_file;
  char *ca_file;
  char *certificate_file;
  char *private_key_file;
  char *color;
  char *timeout;
  gboolean is_json;
  gboolean is_quiet;
  gboolean is_verbose;
  gboolean is_full;
  gboolean has_no_legend;
  gboolean is_names;
  char *output;                /* table, json, csv or names */
  char *columns;               /* of lists: NAME or TITLE=/POINTER, commas between them */
  char *sort_by;
  gboolean is_csv;

  /* Derived. */
  const char *program_verb;    /* the verb that runs, for messages */
  gboolean is_terminal;        /* stdout */
  gint64 timeout_us;           /* 0: none */
  GMainLoop *loop;
  int exit_code;
} Tool;

typedef int (*ToolRun) (Tool *tool, int argc, char **argv);

typedef struct {
  const char *name;
  const char *family;          /* heading in the list of verbs */
  const char *usage;
  const char *summary;
  ToolRun run;
} ToolVerb;

const ToolVerb *tool_get_verbs (guint *out_n);

gboolean    tool_parse        (Tool *tool, int *argc, char ***argv, const GOptionEntry *entries, const char *usage,
                               const char *summary, const char *description, int min_args, int max_args, int *out_code);
int         tool_run_sub_verb (Tool *tool, const ToolVerb *verbs, guint n_verbs, int argc, char **argv);
int         tool_fail         (Tool *tool, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);
int         tool_fail_error   (Tool *tool, const GError *error);
void        tool_note         (Tool *tool, const char *format, ...) G_GNUC_PRINTF (2, 3);
char       *tool_read_secret  (Tool *tool, const char *file, int *out_code);
gboolean    tool_uses_color   (Tool *tool);
gboolean    tool_flush        (Tool *tool);

/* The loop of the verbs that wait. */
int         tool_wait         (Tool *tool);
void        tool_quit         (Tool *tool, int code);

int tool_verb_pub        (Tool *tool, int argc, char **argv);
int tool_verb_sub        (Tool *tool, int argc, char **argv);
int tool_verb_req        (Tool *tool, int argc, char **argv);
int tool_verb_reply      (Tool *tool, int argc, char **argv);
int tool_verb_bench      (Tool *tool, int argc, char **argv);
int tool_verb_rtt        (Tool *tool, int argc, char **argv);
int tool_verb_status     (Tool *tool, int argc, char **argv);
int tool_verb_observe    (Tool *tool, int argc, char **argv);
int tool_verb_topic      (Tool *tool, int argc, char **argv);
int tool_verb_subs       (Tool *tool, int argc, char **argv);
int tool_verb_conn       (Tool *tool, int argc, char **argv);
int tool_verb_top        (Tool *tool, int argc, char **argv);
int tool_verb_slow       (Tool *tool, int argc, char **argv);
int tool_verb_trace      (Tool *tool, int argc, char **argv);
int tool_verb_check      (Tool *tool, int argc, char **argv);
int tool_verb_log        (Tool *tool, int argc, char **argv);
int tool_verb_token      (Tool *tool, int argc, char **argv);
int tool_verb_replay     (Tool *tool, int argc, char **argv);
int tool_verb_twin       (Tool *tool, int argc, char **argv);
int tool_verb_listener   (Tool *tool, int argc, char **argv);
int tool_verb_bridge     (Tool *tool, int argc, char **argv);
int tool_verb_inspect    (Tool *tool, int argc, char **argv);
int tool_verb_plugin     (Tool *tool, int argc, char **argv);
int tool_verb_config     (Tool *tool, int argc, char **argv);
int tool_verb_policy     (Tool *tool, int argc, char **argv);
int tool_verb_ban        (Tool *tool, int argc, char **argv);
int tool_verb_reload     (Tool *tool, int argc, char **argv);
int tool_verb_sink       (Tool *tool, int argc, char **argv);
int tool_verb_spool      (Tool *tool, int argc, char **argv);
int tool_verb_context    (Tool *tool, int argc, char **argv);
int tool_verb_completion (Tool *tool, int argc, char **argv);
int tool_verb_help       (Tool *tool, int argc, char **argv);
int tool_verb_version    (Tool *tool, int argc, char **argv);

G_END_DECLS
