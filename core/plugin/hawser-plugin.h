/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* What a plugin exports: one symbol that describes it. Not introspected. */

#include "hawser-types.h"
#include "hawser-version.h"

G_BEGIN_DECLS

#define HAWSER_PLUGIN_MAGIC 0x48575352u /* "HWSR" */

typedef struct {
  guint32 magic;
  guint32 size;                 /* of this struct as the plugin knows it */
  guint16 abi_major;            /* must equal the host's */
  guint16 abi_minor;            /* must not be above the host's */
  const char *name;             /* as in NAME.plugin and `type=` */
  const char *version;
  /* Registers the types: called once, when the plugin is first used. */
  void (*provide) (HawserPluginRegistry *registry);
} HawserPluginDescription;

typedef const HawserPluginDescription *(*HawserPluginDescribe) (void);

/* In provide(): the GType that fills a role for one `type=` name. Roles: "protocol", "sink", "store", "identity". */
HAWSER_AVAILABLE_IN_ALL
void hawser_plugin_registry_provide (HawserPluginRegistry *self,
                                     const char           *role,
                                     const char           *type_name,
                                     GType                 type);

/* Plugins linked into the program instead of opened: a list that ends with a NULL describe, set before the registry
 * is first used. Lists are separated by semicolons. */
typedef struct {
  const char *name, *roles, *types;
  HawserPluginDescribe describe;
} HawserBuiltinPlugin;

HAWSER_AVAILABLE_IN_ALL
void                       hawser_set_builtin_plugins (const HawserBuiltinPlugin *plugins);
HAWSER_AVAILABLE_IN_ALL
const HawserBuiltinPlugin *hawser_get_builtin_plugins (void);

#ifdef HAWSER_STATIC_PLUGINS
#define HAWSER_PLUGIN_SYMBOL(ident) hawser_plugin_describe_##ident
#else
#define HAWSER_PLUGIN_SYMBOL(ident) hawser_plugin_describe
#endif

/* HAWSER_PLUGIN_DEFINE (mqtt, "mqtt", "0.1.0", provide) at the end of mqtt-plugin.c. */
#define HAWSER_PLUGIN_DEFINE(ident, plugin_name, plugin_version, provide_func) \
  HAWSER_AVAILABLE_IN_ALL const HawserPluginDescription *HAWSER_PLUGIN_SYMBOL (ident) (void); \
  const HawserPluginDescription * \
  HAWSER_PLUGIN_SYMBOL (ident) (void) \
  { \
    static const HawserPluginDescription description = { \
      HAWSER_PLUGIN_MAGIC, sizeof (HawserPluginDescription), HAWSER_PLUGIN_ABI_MAJOR, HAWSER_PLUGIN_ABI_MINOR, \
      plugin_name, plugin_version, provide_func, \
    }; \
    return &description; \
  }

/* The same for a plugin that provides one type, under the plugin's own name:
 * HAWSER_PLUGIN_DEFINE_TYPE (line, "line", "0.1.0", "protocol", line_adapter_get_type ()). */
#define HAWSER_PLUGIN_DEFINE_TYPE(ident, plugin_name, plugin_version, role, type) \
  static void \
  provide_##ident (HawserPluginRegistry *registry) \
  { \
    hawser_plugin_registry_provide (registry, role, plugin_name, type); \
  } \
  HAWSER_PLUGIN_DEFINE (ident, plugin_name, plugin_version, provide_##ident)

G_END_DECLS
