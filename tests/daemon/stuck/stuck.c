/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A protocol that does what none may: whatever a peer sends, it holds the lane until somebody writes to the pipe `gate`. That
 * it does so by then is said by the file `gate`.held. For tests of the watchdog. */

#include <fcntl.h>
#include <unistd.h>

#include <hawser/hawser.h>

G_DECLARE_FINAL_TYPE (StuckAdapter, stuck_adapter, STUCK, ADAPTER, GObject)

struct _StuckAdapter {
  GObject parent_instance;
  char *gate;
};

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  g_autofree char *held = g_strconcat (STUCK_ADAPTER (session)->gate, ".held", NULL);
  int fd;

  g_file_set_contents (held, "", 0, NULL);
  fd = open (STUCK_ADAPTER (session)->gate, O_RDONLY | O_CLOEXEC);
  if (fd >= 0)
    close (fd);
  return len;
}

static const HawserSessionFuncs session_funcs = { .received = received };

static void
admitted (HawserProtocol *protocol, HawserConnection *connection)
{
  hawser_connection_set_session (connection, &session_funcs, protocol);
}

static void
protocol_init (HawserProtocolInterface *iface)
{
  iface->admitted = admitted;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (StuckAdapter, stuck_adapter, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, protocol_init))

static void
stuck_adapter_class_init (StuckAdapterClass *klass)
{
  HAWSER_SETTING (klass, StuckAdapter, gate, g_param_spec_string ("gate", NULL, "Pipe that lets it go on", NULL, HAWSER_SETTING_FLAGS));
}

static void
stuck_adapter_init (StuckAdapter *self)
{
}

HAWSER_PLUGIN_DEFINE_TYPE (stuck, "stuck", "0.1.0", "protocol", stuck_adapter_get_type ())
