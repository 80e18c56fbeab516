{% macro month_of(column) -%}
date_trunc('month', {{ column }} at time zone 'UTC')::date
{%- endmacro %}

{% macro day_of(column) -%}
({{ column }} at time zone 'UTC')::date
{%- endmacro %}
