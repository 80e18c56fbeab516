{# The instant of a time HHMM on the clock of a zone; null where the zone is. 2400 is the next day's midnight. #}
{% macro at_clock_time(day, hhmm, zone) -%}
(({{ day }} + make_interval(hours => ({{ hhmm }} / 100)::int, mins => ({{ hhmm }} % 100)::int)) at time zone {{ zone }})
{%- endmacro %}

{% macro minutes(column) -%}
make_interval(mins => {{ column }}::int)
{%- endmacro %}
