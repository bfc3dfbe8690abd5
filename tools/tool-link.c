/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Picks the protocol that a URL asks for. */

#include "tool-link.h"

#include "tool-url.h"

ToolLink *
tool_link_open (Tool                  *tool,
                const ToolLinkOptions *options,
                const ToolLinkFuncs   *funcs,
                gpointer               data,
                int                   *out_code)
{
  g_autoptr (ToolUrl) url = tool_url_resolve (tool, TOOL_URL_MESSAGES, out_code);

  if (url == NULL)
    return NULL;
  return (url->scheme == TOOL_SCHEME_MQTT ? &tool_mqtt_link : &tool_http_link)->open (tool, url, options, funcs, data, out_code);
}

void
tool_link_publish (ToolLink          *link,
                   const ToolMessage *message)
{
  link->klass->publish (link, message);
}

void
tool_link_close (ToolLink *link)
{
  if (link != NULL)
    link->klass->close (link);
}
