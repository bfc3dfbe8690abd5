/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of hawserd. */

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* Exit status of hawserd; documented in hawserd(8). */
typedef enum {
  DAEMON_DONE = 0,
  DAEMON_FAILED = 1,
  DAEMON_USAGE = 2,
  DAEMON_BAD_CONFIG = 3,
} DaemonExit;

/* daemon-log.c */
void  daemon_log_begin      (void);
void  daemon_log_configure  (HawserConfigGroup *group);
void  daemon_log_end        (void);

/* daemon-notify.c: what the service manager is told; nothing without $NOTIFY_SOCKET. */
void  daemon_notify         (const char *state);
/* Tells it that the main loop turns, as often as it asked for; 0: it did not ask. */
guint daemon_watch          (void);

/* daemon-config.c */
HawserConfig *daemon_config_read (char **files, char **settings, const char *builtin, GError **error);
extern const char daemon_builtin_config[];

/* daemon-demo.c */
typedef struct _DaemonDemo DaemonDemo;
DaemonDemo *daemon_demo_new       (const char *name, int *out_code);
const char *daemon_demo_get_name  (DaemonDemo *self);
const char *daemon_demo_get_file  (DaemonDemo *self);
void        daemon_demo_start     (DaemonDemo *self, HawserAssembly *assembly);
void        daemon_demo_free      (DaemonDemo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DaemonDemo, daemon_demo_free)

/* daemon-run.c */
/* @files, @settings: where the configuration comes from, for reloads. */
int   daemon_run            (HawserBus *bus, HawserAssembly *assembly, DaemonDemo *demo, char **files, char **settings);

G_END_DECLS
